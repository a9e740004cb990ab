"""The steps of a night as a backtest does them: the chain's own, from the checks to the evaluation.

Each method has the name and the inputs of its step (`pipelines.steps.NIGHTLY`). It reads the lake
as that night would have, and writes to a folder of its own; values that a step hands on through
MLflow are handed on as they are.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from expectations.contract import InputError
from infra.files import make_whole, sqlite_url, with_patience
from pipelines import steps
from pipelines.backtesting.lake import Reading
from pipelines.config import ModelSpec, Snapshot, TableVersion, request_kinds
from pipelines.config.installation import Session, Settings
from pipelines.features import build_training_version, carry_out, plan_features
from pipelines.lake import parse_as_of
from pipelines.modelling import Measured, last_fold, load_rows, study_of, write_candidate
from pipelines.validation import check_snapshot, validate_features
from training.bundle import Bundle, load_bundle
from training.data import Dataset, test_rows, validation_folds
from training.search import TuningResult, make_database, tune

_LINKS = {link.step: link for link in steps.NIGHTLY}
# What a date's metrics depend on, and what they are made with.
DATA = tuple(
    _LINKS[step] for step in (steps.validate, steps.build_features, steps.build_training_set)
)
MODEL = tuple(_LINKS[step] for step in (steps.tune, steps.train, steps.evaluate))


@dataclass(frozen=True)
class BacktestSteps:
    """The steps, for all dates of a backtest.

    Attributes:
        spec: of the models.
        reading: what all dates read, and the lake that receives what is made.
        folder: receives everything that is written, but the runs.
        apart: settings by which pages of the checks go there too.
    """

    spec: ModelSpec
    reading: Reading
    folder: Path
    apart: Settings
    _held: dict[TableVersion, Dataset] = field(default_factory=dict, init=False)

    def do(self, links: tuple[steps.ChainStep, ...], known: Mapping[str, Any]) -> dict[str, Any]:
        """Do steps of the chain one after another; what is known then, with their outputs."""
        found = dict(known)
        for link in links:
            found[link.output] = getattr(self, link.name)(*link.arguments(found))
        return found

    def validate(self, spec: ModelSpec, as_of: str, snapshot: Snapshot) -> Snapshot:
        """Check the snapshot as of a date."""
        check_snapshot(spec, self.reading.lake, snapshot, as_of=as_of, settings=self.apart)
        return snapshot

    def build_features(
        self, spec: ModelSpec, as_of: str, snapshot: Snapshot, since: str, until: str
    ) -> TableVersion:
        """Take the features of the snapshot, which are the same for every date."""
        del spec, as_of, snapshot, since, until
        return self._features

    def build_training_set(
        self, spec: ModelSpec, as_of: str, snapshot: Snapshot, features: TableVersion
    ) -> TableVersion:
        """Build the training set of a date, in a table of its own."""
        return build_training_version(
            spec, self.reading.lake, f"training_sets_{parse_as_of(as_of):%Y%m%dT%H%M%S}",
            as_of=as_of, pinned=snapshot, features=features, settings=self.apart,
        )  # fmt: skip

    def tune(self, spec: ModelSpec, as_of: str, training_set: TableVersion) -> TuningResult:
        """Search the parameters in this process, in a database of the backtest's own."""
        policy = spec.training.model_copy(update={"trials_workers": 1})
        studies = with_patience(sqlite_url(self.folder / "studies.db"))
        make_whole(studies, make_database)
        return tune(
            self._rows(spec, as_of, training_set),
            folds=validation_folds(last_fold(spec, as_of), policy),
            policy=policy,
            storage=studies,
            study=study_of(spec, training_set, lake=self.reading.lake).name,
        )

    def train(
        self, spec: ModelSpec, as_of: str, training_set: TableVersion, study: TuningResult,
        author: str,
    ) -> Bundle:  # fmt: skip
        """Fit the model, and read its bundle back as the evaluation of a night does."""
        del author
        rows = self._rows(spec, as_of, training_set)
        with tempfile.TemporaryDirectory() as scratch:
            target = Path(scratch)
            write_candidate(target, rows, spec=spec, fold=last_fold(spec, as_of), best=study)
            return load_bundle(target)

    def evaluate(
        self, spec: ModelSpec, as_of: str, training_set: TableVersion, run: Bundle
    ) -> Measured:
        """Measure the model on the test window of its date."""
        fold = last_fold(spec, as_of)
        every = load_rows(
            spec, training_set, holdout=fold, columns=request_kinds(spec), lake=self.reading.lake
        )
        read = run.recode(every)
        return Measured(spec, fold, read, test_rows(read, fold, spec.training), run)

    def _rows(self, spec: ModelSpec, as_of: str, training_set: TableVersion) -> Dataset:
        """Load the rows that search and fit share; those of the date before are released."""
        if training_set not in self._held:
            self._held.clear()
            self._held[training_set] = load_rows(
                spec, training_set, holdout=last_fold(spec, as_of), lake=self.reading.lake
            )
        return self._held[training_set]

    @cached_property
    def _features(self) -> TableVersion:
        """Features of the snapshot: production's where they are what would be made."""
        if self.reading.features is not None:
            return self.reading.features
        lake, pinned = self.reading.lake, self.reading.snapshot
        plan = plan_features(self.spec, lake, pinned)
        if plan.is_done and plan.current is not None:
            return plan.current
        if not isinstance(self.apart.spark, Session):
            raise InputError(
                f"The features that {self.spec.name} declares are not in the lake, and a backtest "
                "would build them in a folder of this machine, which EMR Serverless does not see. "
                'Run "overnight build-features" first, or this with OVERNIGHT_SPARK="local[*]".'
            )
        newest = plan.record.days and max(plan.record.days)
        return carry_out(
            plan, self.spec, lake, pinned,
            validate=lambda parts, built: validate_features(
                self.spec, lake, parts, built=built, as_of=str(newest), settings=self.apart
            ),
        )  # fmt: skip
