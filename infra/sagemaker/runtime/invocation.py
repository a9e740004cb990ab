"""Invocation of a live endpoint: requests and parsed answers."""

import functools
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from expectations.contract import InputError, ProblemsError
from infra.sagemaker.connection import ModelError, open_session, translated_errors
from infra.sagemaker.names import endpoint_name
from infra.sagemaker.runtime.stickiness import Variants, choose_variant

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

JSON = "application/json"
ADDRESS = "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"
CONTROL_ADDRESS = "AWS_ENDPOINT_URL_SAGEMAKER"
MAX_CLIENT_FAULT = 499

Instance = dict[str, float | str | None]


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason of a score: a feature and its contribution.

    Attributes:
        contribution: in log odds.
    """

    feature: str
    text: str
    contribution: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The model's answer for one instance.

    Attributes:
        score: of the model, before calibration.
        probability: of fraud; what the threshold is compared with.
        decision: `alert` or `pass`.
        threshold: which threshold decided.
        reasons: of an alert, strongest first; empty where none were asked for.
    """

    score: float
    probability: float
    decision: str
    threshold: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """Predictions, in the order of the instances, and the model that made them.

    Attributes:
        version: its number in the registry; empty when the container does not know it.
        variant: which production variant answered.
    """

    predictions: list[Prediction]
    digest: str
    version: str
    variant: str


def ask(
    endpoint: str,
    instances: list[Instance],
    *,
    inference_id: str,
    entity: str | None = None,
    variant: str | None = None,
    reasons: str = "alerts",
) -> Reply:
    """Score instances of named features.

    Args:
        endpoint: the spec's name.
        instances: every feature of the model, and any that another model reads; null is a missing
            value, and so is a category that the model does not know.
        inference_id: joins the captured request to its label later: the transaction's id.
        entity: who it is about; while a split goes on, one entity is always answered by one side.
        variant: which production variant is to answer.
        reasons: whether there are reasons for `alerts`, `all` or `none`.

    Raises:
        ProblemsError: when the model refuses the instances, with every reason.
        ModelError: when it failed.
        InputError: when there is no such endpoint, or nothing answers.
    """
    from botocore.exceptions import ClientError

    name = endpoint_name(endpoint)
    runtime, variants = _open_clients(os.environ.get(ADDRESS), os.environ.get(CONTROL_ADDRESS))
    body = {
        "instances": instances, "reasons": reasons,
        "unknown_categories": "missing",
        "unknown_features": "ignore",
    }  # fmt: skip
    request = {
        "EndpointName": name, "Body": json.dumps(body).encode(), "ContentType": JSON,
        "Accept": JSON, "InferenceId": inference_id,
    }  # fmt: skip
    with translated_errors(f"Scoring at the endpoint {name}"):
        try:
            if variant is None and entity is not None:
                variant = choose_variant(entity, variants.of(name))
            target = {} if variant is None else {"TargetVariant": variant}
            answer = runtime.invoke_endpoint(**request, **target)
        except ClientError as error:
            _refuse(error, name)
            if entity is None or variant is None:
                raise
            # The split ended since its variants were asked for.
            variants.forget(name)
            answer = runtime.invoke_endpoint(**request)
        content = answer["Body"].read()
    return _read_reply(content, name, variant=answer["InvokedProductionVariant"])


def _read_reply(content: bytes, name: str, *, variant: str) -> Reply:
    try:
        reply = json.loads(content)
        return Reply(
            [_read_prediction(prediction) for prediction in reply["predictions"]],
            digest=reply["model"]["digest"],
            version=reply["model"]["version"] or "",
            variant=variant,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{name} answered, but not as the serving container does: {error!r}. Look at the image "
            "of its model."
        ) from error


def _read_prediction(content: dict[str, Any]) -> Prediction:
    return Prediction(
        score=content["score"],
        probability=content["probability"],
        decision=content["decision"],
        threshold=content["threshold"],
        reasons=tuple(Reason(**reason) for reason in content["reasons"] or ()),
    )


@functools.cache
def _open_clients(_: str | None, __: str | None) -> "tuple[Any, Variants]":
    """One pair for each address: to make a client takes longer than to score a row."""
    session = open_session()
    return session.client("sagemaker-runtime"), Variants(session.client("sagemaker"))


def _refuse(error: "ClientError", name: str) -> None:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if code == "ModelError":
        original = str(error.response["OriginalMessage"])
        if error.response["OriginalStatusCode"] > MAX_CLIENT_FAULT:
            raise ModelError(f"The model at {name} failed: {original} Look at its log.") from error
        raise ProblemsError(f"the request to {name}", _problems(original)) from error
    if "not found" in message.lower():
        raise InputError(
            f'There is no endpoint {name}: {message} Deploy first: "overnight deploy".'
        ) from error


def _problems(original: str) -> list[str]:
    """Parse the container's list of problems; the text itself when another container wrote it."""
    try:
        described = json.loads(original)["error"]
        return list(described["problems"]) or [str(described["message"])]
    except (ValueError, KeyError, TypeError):
        return [original]
