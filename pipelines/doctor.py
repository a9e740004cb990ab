"""Examines a spec, its source and this installation, and says all that is missing at once."""

from collections.abc import Iterator

import pyarrow.compute as pc

from expectations.contract import EVENT_TIME, OvernightError, refuse_any
from pipelines.columns import model_kinds, request_kinds
from pipelines.settings import load_settings
from pipelines.source import load_delivery
from pipelines.spec import ModelSpec, load_spec


def examine(reference: str) -> Iterator[str]:
    """Look at everything that a nightly run needs.

    Yields:
        One line for each thing that is in order.

    Raises:
        ProblemsError: at the end, with everything that is not.
    """
    settings = load_settings()
    spec = load_spec(reference)
    declared, read = len(request_kinds(spec)), len(model_kinds(spec))
    yield f"spec      {spec.name}: {read} model columns of {declared} declared"
    problems: list[str] = []
    try:
        yield f"source    {_describe_source(spec, problems)}"
    except OvernightError as error:
        problems.append(str(error))
    try:
        from feature_jobs.java import find_java

        yield f"java      {find_java(settings.scratch)}"
    except OvernightError as error:
        problems.append(str(error))
    yield f"lake      {settings.lake}"
    yield f"tracking  {settings.tracking_uri}"
    refuse_any(f"what {spec.name} needs", problems)


def _describe_source(spec: ModelSpec, problems: list[str]) -> str:
    delivery = load_delivery(spec)
    first, last = (f(delivery.rows[EVENT_TIME]).as_py() for f in (pc.min, pc.max))
    training = spec.training
    needed = training.train_window + training.gap + training.test_window * (training.folds + 1)
    needed += spec.labels.maturity
    if last - first < needed:
        problems.append(
            f"source: {(last - first).days} days of history; the spec's folds need {needed.days}. "
            "Deliver more, or make [training] train_window, folds or gap smaller"
        )
    return f"{delivery.name}: {delivery.rows.num_rows:,} rows, {first:%Y-%m-%d} to {last:%Y-%m-%d}"
