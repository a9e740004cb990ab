"""Asks a live endpoint for scores."""

import functools
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from expectations.contract import InputError, ProblemsError
from infra.sagemaker.connection import AwsError, open_session, translated_errors
from infra.sagemaker.names import endpoint_name

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.exceptions import ClientError

JSON = "application/json"
ADDRESS = "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"
MAX_CLIENT_FAULT = 499

Instance = dict[str, float | str | None]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one instance.

    Attributes:
        score: probability of fraud.
        decision: `alert` or `pass`.
        threshold: which threshold decided.
    """

    score: float
    decision: str
    threshold: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Predictions, in the order of the instances, and the digest of the model that made them."""

    predictions: list[Prediction]
    digest: str


def invoke(endpoint: str, instances: list[Instance], *, inference_id: str) -> list[Prediction]:
    """Score instances of named features.

    Args:
        endpoint: the spec's name.
        instances: every feature of the model; null is a missing value.
        inference_id: joins the captured request to its label later: the transaction's id.

    Raises:
        ProblemsError: when the model refuses the instances, with every reason.
        InputError: when there is no such endpoint, or nothing answers.
    """
    return ask(endpoint, instances, inference_id=inference_id).predictions


def ask(endpoint: str, instances: list[Instance], *, inference_id: str) -> Reply:
    """As `invoke`, with the digest of the model that answered."""
    from botocore.exceptions import ClientError

    name = endpoint_name(endpoint)
    runtime = _open_runtime(os.environ.get(ADDRESS))
    with translated_errors(f"Scoring at the endpoint {name}"):
        try:
            answer = runtime.invoke_endpoint(
                EndpointName=name,
                Body=json.dumps({"instances": instances}).encode(),
                ContentType=JSON,
                Accept=JSON,
                InferenceId=inference_id,
            )
        except ClientError as error:
            _refuse(error, name)
            raise
        content = json.loads(answer["Body"].read())
    predictions = [Prediction(**prediction) for prediction in content["predictions"]]
    return Reply(predictions, content["model"]["digest"])


@functools.cache
def _open_runtime(_: str | None) -> "BaseClient":
    """One client for each address: to make one takes longer than to score a row."""
    return open_session().client("sagemaker-runtime")


def _refuse(error: "ClientError", name: str) -> None:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if code == "ModelError":
        original = str(error.response["OriginalMessage"])
        if error.response["OriginalStatusCode"] > MAX_CLIENT_FAULT:
            raise AwsError(f"The model at {name} failed: {original} Look at its log.") from error
        raise ProblemsError(f"the request to {name}", _problems(original)) from error
    if "not found" in message.lower():
        raise InputError(
            f'There is no endpoint {name}: {message} Deploy first: "overnight deploy".'
        ) from error


def _problems(original: str) -> list[str]:
    """The container's own list; the text as it is when some other container wrote it."""
    try:
        described = json.loads(original)["error"]
        return list(described["problems"]) or [str(described["message"])]
    except (ValueError, KeyError, TypeError):
        return [original]
