"""Trains and tests as of several dates, each as that night would have done it.

A backtest reads what the lake holds and writes nothing there: its feature tables, training sets,
pages and studies stand in a folder of their own, and its runs in MLflow are of a kind of their own,
which no step of a night or a review takes for a model.
"""

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from expectations.contract import InputError, digest_of
from infra.files import make_whole, with_patience
from pipelines.backtesting.lake import Reading, open_reading
from pipelines.config import ModelSpec, load_spec, request_kinds
from pipelines.config.installation import Session, Settings, load_settings, os_actor
from pipelines.features import build_training_version, carry_out, plan_features
from pipelines.ingestion import LABELS, TRANSACTIONS
from pipelines.lake import (
    Lake,
    Snapshot,
    TableVersion,
    backtesting,
    parse_as_of,
)
from pipelines.modelling import (
    Measured,
    last_fold,
    lineage_tags,
    load_rows,
    params_of,
    study_name,
    study_of,
    write_candidate,
)
from pipelines.tracking import AS_OF, AUTHOR, SPEC, open_registry
from pipelines.validation import check_snapshot, validate_features

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
    rows: list[list[float]] = []
    lines = [f"{'as of':12} " + " ".join(f"{name:>26}" for name in shown)]
    with backtesting(spec.name):
        backtests = _open_backtests(reference, spec, settings)
        for week in reversed(range(weeks)):
            date = (last - timedelta(weeks=week)).isoformat()
            metrics = backtests.measure(date, needed=shown)
            rows.append([metrics[name] for name in shown])
            lines.append(f"{date[:10]:12} " + " ".join(f"{value:>26.4f}" for value in rows[-1]))
    means = [sum(column) / len(column) for column in zip(*rows, strict=True)]
    lines.append(f"{'mean':12} " + " ".join(f"{value:>26.4f}" for value in means))
    return "\n".join(lines)


def _open_backtests(reference: str, spec: ModelSpec, settings: Settings) -> "_Backtests":
    """Return inputs and places of a backtest, the same for every date."""
    base = Lake(settings.lake, spec=spec.name)
    rows, labels = base.newest(TRANSACTIONS), base.newest(LABELS)
    if rows is None or labels is None:
        raise InputError(
            f'{base.root} holds no data of {spec.name} yet. Run "overnight ingest" first.'
        )
    folder = settings.scratch / BACKTEST / spec.name
    folder.mkdir(parents=True, exist_ok=True)
    pages = (folder / "data_docs").as_uri()
    return _Backtests(
        reference=reference,
        spec=spec,
        reading=open_reading(spec, base, Snapshot(rows, labels), folder=folder),
        folder=folder,
        apart=replace(settings, home=folder, docs_url=pages),
    )


@dataclass(frozen=True)
class _Backtests:
    """The backtests of a spec.

    Attributes:
        reference: the spec as it was asked for.
        reading: what all dates read, and the lake that receives what is made.
        folder: receives everything that is written, but the runs.
        apart: settings by which pages of the checks go there too.
    """

    reference: str
    spec: ModelSpec
    reading: Reading
    folder: Path
    apart: Settings

    def measure(self, as_of: str, *, needed: list[str]) -> Mapping[str, float]:
        """Metrics of a model that is trained and tested as of a date, from its run in MLflow."""
        spec, runs = self.spec, open_registry(self.spec).runs
        check_snapshot(
            spec, self.reading.lake, self.reading.snapshot, as_of=as_of, settings=self.apart
        )
        training_set = self._build_training_set(as_of)
        study = study_of(spec, training_set, lake=self.reading.lake)
        asked = spec.training.model_dump(mode="json", exclude={"threads", "trials_workers"})
        inputs = f"{BACKTEST}/{digest_of({'study': study, 'policy': asked})}"
        found = runs.find(inputs)
        if found is not None and runs.is_finished(found):
            held = runs.metrics(found)
            if set(needed) <= held.keys():
                log.info("Kept runs:/%s: the backtest as of %s is unchanged", found, as_of)
                return held
        fold = last_fold(spec, as_of)
        tags = lineage_tags(spec, training_set, lake=self.reading.lake) | {
            "overnight.training_set": f"{training_set} of a backtest",
            "overnight.train_window": str(fold.train),
            "overnight.test_window": str(fold.test),
            AS_OF: as_of,
            AUTHOR: str(os_actor()),
            SPEC: self.reference,
        }
        with runs.open(inputs=inputs, kind=BACKTEST, tags=tags) as run:
            params, figures = self._fit(as_of, training_set, study)
            runs.log_params(run, {**params, **params_of(asked)})
            runs.log_metrics(run, figures)
        log.info("Backtest as of %s: runs:/%s", as_of, run)
        return figures

    def _build_training_set(self, as_of: str) -> str:
        """Return the training set of a date, in a table of its own."""
        made = build_training_version(
            self.spec, self.reading.lake, f"training_sets_{parse_as_of(as_of):%Y%m%dT%H%M%S}",
            as_of=as_of, pinned=self.reading.snapshot, features=self._features, settings=self.apart,
        )  # fmt: skip
        return str(made)

    @cached_property
    def _features(self) -> TableVersion:
        """Features of the snapshot: production's where they are what would be made."""
        if self.reading.features is not None:
            return self.reading.features
        lake, pinned = self.reading.lake, self.reading.snapshot
        plan = plan_features(self.spec, lake, pinned)
        if plan.is_done and plan.held is not None:
            return plan.held
        if not isinstance(self.apart.spark, Session):
            raise InputError(
                f"The features that {self.spec.name} declares are not in the lake, and a backtest "
                "would build them in a folder of this machine, which EMR Serverless does not see. "
                'Run "overnight build-features" first, or this with OVERNIGHT_SPARK="local[*]".'
            )
        newest = plan.record.days and max(plan.record.days)
        return carry_out(
            plan, self.spec, lake, pinned,
            gate=lambda parts, built: validate_features(
                self.spec, lake, parts, built=built, as_of=str(newest), settings=self.apart
            ),
        )  # fmt: skip

    def _fit(
        self, as_of: str, training_set: str, study: str
    ) -> tuple[Mapping[str, object], dict[str, float]]:
        """Search, fit and test: the parameters and every metric."""
        from training.bundle import load_bundle
        from training.data import test_rows, validation_folds
        from training.search import make_database, tune

        spec, fold = self.spec, last_fold(self.spec, as_of)
        policy = spec.training.model_copy(update={"trials_workers": 1})
        rows = load_rows(spec, training_set, holdout=fold, lake=self.reading.lake)
        studies = with_patience(f"sqlite:///{self.folder / 'studies.db'}")
        make_whole(studies, make_database)
        best = tune(
            rows,
            folds=validation_folds(fold, policy),
            policy=policy,
            storage=studies,
            study=study_name(study),
        )
        every = load_rows(
            spec, training_set, holdout=fold, columns=request_kinds(spec), lake=self.reading.lake
        )
        with tempfile.TemporaryDirectory() as scratch:
            write_candidate(Path(scratch), rows, spec=spec, fold=fold, best=best)
            bundle = load_bundle(Path(scratch))
            read = bundle.recode(every)
            measured = Measured(spec, fold, read, test_rows(read, fold, policy), bundle)
            return best.params, measured.figures
