"""A backtest: trains and tests as of several dates, each as that night would have done it.

A backtest reads what the lake holds and writes nothing there: its feature tables, training sets,
pages and studies stand in a folder of their own, and its runs in MLflow are of a kind of their own,
which no step of a night or a review takes for a model.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from expectations.contract import InputError, digest_of
from pipelines.backtesting.lake import open_reading
from pipelines.backtesting.night import DATA, MODEL, BacktestSteps
from pipelines.config import (
    Column,
    ModelSpec,
    RunReference,
    Snapshot,
    format_table,
    load_spec,
)
from pipelines.config.installation import Settings, load_settings, os_actor
from pipelines.ingestion import LABELS, TRANSACTIONS
from pipelines.lake import Lake, backtesting, parse_as_of
from pipelines.modelling import (
    last_fold,
    lineage_tags,
    params_of,
    study_of,
)
from pipelines.tracking import (
    AS_OF,
    AUTHOR,
    SPEC,
    TEST_WINDOW,
    TRAIN_WINDOW,
    TRAINING_SET,
    open_registry,
)

BACKTEST = "backtest"

log = logging.getLogger(__name__)


def run_backtest(reference: str, as_of: str, *, weeks: int) -> str:
    """Train and test as of `weeks` dates a week apart, the last one `as_of`.

    Returns:
        A table with one line a date, and the mean.

    Raises:
        InputError: when the lake holds nothing of the spec yet.
    """
    from training.evaluation import list_metrics

    spec, settings = load_spec(reference), load_settings()
    last = parse_as_of(as_of)
    shown = [each.logged for each in list_metrics(spec.training) if each.is_backtested]
    dates: list[str] = []
    rows: list[list[float]] = []
    with backtesting(spec.name):
        backtests = _open_backtests(reference, spec, settings)
        for week in reversed(range(weeks)):
            date = (last - timedelta(weeks=week)).isoformat()
            metrics = backtests.measure(date, needed=shown)
            rows.append([metrics[name] for name in shown])
            dates.append(date[:10])
    means = [sum(column) / len(column) for column in zip(*rows, strict=True)]
    table = [("as of", *shown)]
    for name, values in zip([*dates, "mean"], [*rows, means], strict=True):
        table.append((name, *(f"{value:.4f}" for value in values)))
    numbers = [Column(at_least=26, is_right=True, gap=1) for _ in shown]
    return format_table(table, [Column(at_least=12, gap=1), *numbers])


def _open_backtests(reference: str, spec: ModelSpec, settings: Settings) -> "_Backtests":
    """Open the inputs and folders of a backtest, the same for every date."""
    base = Lake(settings.lake, spec=spec.name)
    rows, labels = base.latest(TRANSACTIONS), base.latest(LABELS)
    if rows is None or labels is None:
        raise InputError(
            f'{base.root} holds no data of {spec.name} yet. Run "overnight ingest" first.'
        )
    folder = settings.scratch / BACKTEST / spec.name
    folder.mkdir(parents=True, exist_ok=True)
    pages = (folder / "data_docs").as_uri()
    own = BacktestSteps(
        spec=spec,
        reading=open_reading(spec, base, Snapshot(rows, labels), folder=folder),
        folder=folder,
        apart=replace(settings, home=folder, docs_url=pages),
    )
    return _Backtests(reference, own)


@dataclass(frozen=True)
class _Backtests:
    """The backtests of a spec.

    Attributes:
        reference: the spec as it was asked for.
        steps: those of a night, on a lake apart.
    """

    reference: str
    steps: BacktestSteps

    def measure(self, as_of: str, *, needed: list[str]) -> Mapping[str, float]:
        """Metrics of a model that is trained and tested as of a date, from its run in MLflow."""
        spec, reading, author = self.steps.spec, self.steps.reading, str(os_actor())
        runs = open_registry(spec).runs
        given = {"spec": spec, "as_of": as_of, "since": "", "until": "", "author": author}
        known = self.steps.do(DATA, {**given, "snapshot": reading.snapshot})
        training_set = known["training_set"]
        study = study_of(spec, training_set, lake=reading.lake)
        asked = spec.training.model_dump(mode="json", exclude={"threads", "trials_workers"})
        inputs = f"{BACKTEST}/{digest_of({'study': str(study), 'policy': asked})}"
        found = runs.find(inputs)
        if found is not None and runs.is_finished(found):
            current = runs.metrics(found)
            if set(needed) <= current.keys():
                kept = RunReference(found)
                log.info("Kept %s: the backtest as of %s is unchanged", kept, as_of)
                return current
        fold = last_fold(spec, as_of)
        tags = lineage_tags(spec, training_set, lake=reading.lake) | {
            TRAINING_SET: f"{training_set} of a backtest",
            TRAIN_WINDOW: str(fold.train),
            TEST_WINDOW: str(fold.test),
            AS_OF: as_of,
            AUTHOR: author,
            SPEC: self.reference,
        }
        with runs.open(inputs=inputs, kind=BACKTEST, tags=tags) as run:
            made = self.steps.do(MODEL, known)
            figures: dict[str, float] = made["run"].figures
            runs.log_params(run, {**made["study"].params, **params_of(asked)})
            runs.log_metrics(run, figures)
        log.info("Backtest as of %s: %s", as_of, RunReference(run))
        return figures
