"""Trains and tests as of several dates, each as that night would have done it."""

from datetime import timedelta

from pipelines import steps
from pipelines.registry import open_registry
from pipelines.snapshot import parse_as_of
from pipelines.spec import load_spec

SHOWN = ("test_auc", "test_average_precision")


def run_backtest(reference: str, as_of: str, *, weeks: int) -> str:
    """Run every step but `register` for `weeks` dates a week apart, the last one `as_of`.

    Returns:
        A table with one line a date, and the mean.
    """
    spec = load_spec(reference)
    last = parse_as_of(as_of)
    shown = list(SHOWN)
    if spec.training.exclude_detected is not None:
        shown.append(f"test_{spec.training.card_precision_metric}")
    rows: list[list[float]] = []
    lines = [f"{'as of':12} " + " ".join(f"{name:>26}" for name in shown)]
    for week in reversed(range(weeks)):
        date = (last - timedelta(weeks=week)).isoformat()
        run = _run_night(reference, date)
        metrics = open_registry(spec).runs.metrics(run.removeprefix("runs:/"))
        rows.append([metrics[name] for name in shown])
        lines.append(f"{date[:10]:12} " + " ".join(f"{value:>26.4f}" for value in rows[-1]))
    means = [sum(column) / len(column) for column in zip(*rows, strict=True)]
    lines.append(f"{'mean':12} " + " ".join(f"{value:>26.4f}" for value in means))
    return "\n".join(lines)


def _run_night(spec: str, as_of: str) -> str:
    snapshot = steps.validate(spec, as_of, steps.ingest(spec, as_of))
    features = steps.build_features(spec, as_of, snapshot)
    training_set = steps.build_training_set(spec, as_of, snapshot, features)
    run = steps.train(spec, as_of, training_set, steps.tune(spec, as_of, training_set))
    return steps.evaluate(spec, as_of, training_set, run)
