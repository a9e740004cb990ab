"""The command `doctor`: checks a spec, its source and this installation, and lists all problems.

The checks are the functions by which the steps refuse their inputs, so that the author of a spec
finds its problems before the night does.
"""

import shlex
from collections.abc import Generator, Iterator
from datetime import timedelta

from expectations.contract import InputError, OvernightError, ProblemsError, refuse_any
from infra.sagemaker import endpoint_name, instance_problems
from pipelines.config import ComposedId, ModelSpec, load_spec, model_kinds, request_kinds
from pipelines.config.installation import Settings, load_settings
from pipelines.ingestion import (
    DeliverySurvey,
    refuse_too_many,
    refuse_wrong_own,
    survey_delivery,
)
from pipelines.local.installation import CHECKS
from pipelines.steps.error_translation import explain


def examine(reference: str) -> Iterator[str]:
    """Check everything that a nightly run and a deployment need.

    Yields:
        One line for each check that passed, and the next command when all passed.

    Raises:
        ProblemsError: at the end, with every problem.
    """
    problems: list[str] = []
    spec, next_date = None, ""
    try:
        spec = load_spec(reference)
    except OvernightError as error:
        problems += _flatten(error)
    if spec is not None:
        declared, read = len(request_kinds(spec)), len(model_kinds(spec))
        yield f"spec      {spec.name}: {read} model columns of {declared} declared"
        yield from _missing_parts(spec)
        delivery = yield from _examine_source(spec, problems)
        yield from _examine_endpoint(spec, problems)
        next_date = "" if delivery is None else _next_date(spec, delivery)
    yield from _examine_installation(load_settings(), problems)
    refuse_any(f"what {reference} needs", dict.fromkeys(problems))
    run = f"overnight run {shlex.quote(reference)} --as-of {next_date}"
    is_labelled = spec is not None and spec.labels.is_declared
    yield f"in order{'' if is_labelled else ' up to the features'}; next: {run}"


def _missing_parts(spec: ModelSpec) -> Iterator[str]:
    """Say what the spec does without, and what follows from it."""
    if not spec.source.entities:
        yield ("entities  none: no windows, no card precision; intervals draw rows one by one")
    if isinstance(spec.source.roles.transaction_id, ComposedId):
        count = len(spec.source.roles.transaction_id.columns)
        yield f"ids       composed of {count} columns; a row that changes is another transaction"
    if not spec.labels.is_declared:
        yield (
            "labels    none: a night ends with the features; declare [labels] once there are some"
        )


def _examine_source(
    spec: ModelSpec, problems: list[str]
) -> Generator[str, None, DeliverySurvey | None]:
    """Read and check the source as ingestion does; return the delivery where it can be read."""
    try:
        refuse_wrong_own(spec)
    except OvernightError as error:
        problems += _flatten(error)
    try:
        delivery = survey_delivery(spec)
    except OvernightError as error:
        problems += _flatten(error)
        return None
    found = [*delivery.problems]
    try:
        _refuse_short_history(spec, delivery)
        if not found:
            refuse_too_many(spec, delivery.name, read=delivery.rows, faulty=delivery.faulty)
    except OvernightError as error:
        found += _flatten(error)
    problems += found
    message = f"{delivery.name}: {delivery.rows:,} rows"
    if delivery.first is not None and delivery.last is not None:
        first, last = delivery.first, delivery.last
        span = f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
        message += f", {span}" if first.date() < last.date() else f", all on {first:%Y-%m-%d}"
    if not found:
        message += f", {sum(each.num_rows for each in delivery.faulty):,} to quarantine"
    yield f"source    {message}"
    return delivery


def _examine_endpoint(spec: ModelSpec, problems: list[str]) -> Iterator[str]:

    endpoint = spec.endpoint
    found = instance_problems(endpoint.instance_type)
    try:
        name = endpoint_name(spec.name)
    except InputError as error:
        found += _flatten(error)
    problems += found
    if not found:
        machines = f"{endpoint.instance_count} x {endpoint.instance_type}"
        yield f"endpoint  {name}: {machines}, {endpoint.strategy}"


def _examine_installation(settings: Settings, problems: list[str]) -> Iterator[str]:

    for name, check in CHECKS.items():
        try:
            yield f"{name:9} {check(settings)}"
        except OvernightError as error:
            problems += _flatten(error)
        except Exception as error:
            outage = explain(error)
            if outage is None:
                raise
            problems.append(f"{name}: {outage}")


def _flatten(error: OvernightError) -> list[str]:
    """List the problems of an error, one if it is not a list of problems."""
    return [*error.problems] if isinstance(error, ProblemsError) else [str(error)]


def _refuse_short_history(spec: ModelSpec, delivery: DeliverySurvey) -> None:
    first, last = delivery.first, delivery.last
    if not spec.labels.is_declared:
        return
    training = spec.training
    needed = training.train_window + training.gap + training.test_window * (training.folds + 1)
    needed += spec.labels.maturity
    if first is None or last is None or last - first < needed:
        days = 0 if first is None or last is None else (last - first) / timedelta(days=1)
        raise InputError(
            f"source: {days:,.1f} days of history; the spec's folds need "
            f"{needed / timedelta(days=1):,.0f}. Deliver more, or make [training] train_window, "
            "test_window, gap or folds, or [labels] maturity smaller"
        )


def _next_date(spec: ModelSpec, delivery: DeliverySurvey) -> str:
    """Return the date of the next night: the spec's, or the day after the latest row."""
    if spec.schedule.as_of is not None:
        return str(spec.schedule.as_of)
    latest = delivery.last
    return "" if latest is None else f"{latest + timedelta(days=1):%Y-%m-%d}"
