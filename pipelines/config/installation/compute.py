"""The Spark that computes features, read from the environment: a session, or an application."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from expectations.contract import refuse_any
from infra.emr import Application

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

ADDRESS = "OVERNIGHT_SPARK"
SUBMITTED = "emr-serverless://"
FROM_ROWS = "OVERNIGHT_SPARK_FROM_ROWS"
CLUSTER_FROM_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Session:
    """A Spark session of this process.

    Attributes:
        master: `local[*]`, `spark://host:port`, or another master of Spark.
        archive: path or http URL of the Python environment that the cluster's workers unpack;
            None: they have this one under the same path.
    """

    master: str
    archive: str | None = None


Compute = Session | Application


def read_compute(environment: Mapping[str, str]) -> Compute:
    """Read `OVERNIGHT_SPARK` and the variables that belong to it.

    Raises:
        ProblemsError: naming every variable that is missing or unusable.
    """
    address = environment.get(ADDRESS) or "local[*]"
    if address.startswith(SUBMITTED):
        return _read_application(address.removeprefix(SUBMITTED), environment)
    archive = environment.get(_variable("archive")) or None
    if archive is not None and archive.startswith("s3://"):
        problem = (
            f"{_variable('archive')}: {archive!r} is read by Spark itself, which has no S3 here; "
            "give a path or an http URL"
        )
        refuse_any("the environment", [problem])
    return Session(address, archive)


def read_least_rows(environment: Mapping[str, str], compute: Compute) -> int | None:
    """Read from how many new rows on an ingestion is a Spark job; None: it never is.

    Not set, it is for a cluster's address 1,000,000, and never on this machine.

    Raises:
        ProblemsError: when it is no whole number.
    """
    text = environment.get(FROM_ROWS, "")
    if not text:
        is_here = isinstance(compute, Session) and compute.master.startswith("local")
        return None if is_here else CLUSTER_FROM_ROWS
    if not re.fullmatch("[0-9]{1,12}", text):
        refuse_any("the environment", [f"{FROM_ROWS}: {text!r} is no number of rows, as 1000000"])
    return int(text)


def _read_application(number: str, environment: Mapping[str, str]) -> Application:
    given = {"id": number}
    for name, field in Application.model_fields.items():
        text = environment.get(_variable(name), "")
        # An unset variable takes the default; without a default it is refused as empty.
        if name != "id" and (text or field.is_required()):
            given[name] = text
    try:
        return Application.model_validate(given)
    except ValidationError as error:
        refuse_any("the environment", map(_describe, error.errors()))
        raise  # not reached: a validation error has at least one problem


def _describe(problem: "ErrorDetails") -> str:
    name = str(problem["loc"][0])
    variable = ADDRESS if name == "id" else _variable(name)
    if problem["type"] == "value_error":  # words of ours, which say what was given
        return f"{variable}: {problem['msg'].removeprefix('Value error, ')}"
    return f"{variable}: {problem['input']!r}: {problem['msg']}"


def _variable(name: str) -> str:
    return f"{ADDRESS}_{name.upper()}"
