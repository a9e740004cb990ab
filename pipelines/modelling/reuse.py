"""Reuse of runs with the same inputs, and refusal of runs that `train` did not make.

MLflow finds runs by tags, which everybody who may edit the experiment can set. So a run is reused
only with a record in the lake, and with the bundle of that record.
"""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

from expectations.contract import OvernightError
from pipelines.config import RunReference
from pipelines.modelling.trained_models import TrainedModel, TrainedModels
from pipelines.tracking import DIGEST, MAKER, Runs
from training.bundle import load_bundle

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """The runs with the same inputs.

    Attributes:
        whole: the run to reuse; None when a model has to be trained.
        strangers: ids of runs that must not be continued either.
    """

    whole: TrainedModel | None
    strangers: frozenset[str]


def judge_runs(runs: Runs, trained: TrainedModels, inputs: str) -> Found:
    """Check every run with the same inputs, the latest first, and log why one is not reused.

    Args:
        runs: of the spec.
        trained: the records in the lake.
        inputs: digest of the inputs of the model.
    """
    recorded = {each.run: each for each in trained.find(inputs)}
    strangers = set()
    for run in runs.find_all(inputs):
        problem = _problem(runs, run, recorded.get(run))
        if problem:
            log.warning("Not taken: %s: %s", RunReference(run), problem)
            strangers.add(run)
        elif runs.has_model(run):
            return Found(recorded[run], frozenset(strangers))
    return Found(None, frozenset(strangers))


def _problem(runs: Runs, run: str, record: TrainedModel | None) -> str:
    """Return why a run is not reused; empty when it is, or when it has no model yet."""
    tags = runs.tags(run)
    if runs.signed_in is not None and MAKER not in tags:
        return "the MLflow server does not know it as one that the deployer made"
    if not runs.has_model(run):
        return ""
    if record is None:
        return "it has a model, and the lake has no record that train made it"
    if tags[DIGEST] != record.bundle_digest:
        return f"it names the bundle {tags[DIGEST][:12]}, and {record.bundle_digest[:12]} was made"
    return _problem_of_bundle(runs, run, record)


def _problem_of_bundle(runs: Runs, run: str, record: TrainedModel) -> str:

    with tempfile.TemporaryDirectory() as scratch:
        try:
            found = load_bundle(runs.fetch_bundle(run, target=Path(scratch))).digest
        except OvernightError as error:
            return str(error)
    if found == record.bundle_digest:
        return ""
    return f"its bundle is {found[:12]}, and {record.bundle_digest[:12]} was made"
