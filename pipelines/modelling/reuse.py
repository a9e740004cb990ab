"""The runs that `train` need not make again, and those that it must not take.

MLflow finds runs by tags, which whoever may edit the experiment can give to a run of their own. So
a run is taken only with a record in the lake, and with the bundle that the record is of.
"""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

from expectations.contract import OvernightError
from pipelines.modelling.trained_models import TrainedModel, TrainedModels
from pipelines.tracking import DIGEST, MAKER, Runs

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """The runs of the same inputs.

    Attributes:
        whole: the one that is taken as it is; None when a model has to be trained.
        strangers: ids of those that are not gone on with either.
    """

    whole: TrainedModel | None
    strangers: frozenset[str]


def judge_runs(runs: Runs, trained: TrainedModels, inputs: str) -> Found:
    """Look at every run of the same inputs, newest first, and tell why one is not taken.

    Args:
        runs: of the spec.
        trained: what the lake recorded.
        inputs: digest of what the model is made from.
    """
    recorded = {each.run: each for each in trained.find(inputs)}
    strangers = set()
    for run in runs.find_all(inputs):
        problem = _problem(runs, run, recorded.get(run))
        if problem:
            log.warning("Not taken: runs:/%s: %s", run, problem)
            strangers.add(run)
        elif runs.has_model(run):
            return Found(recorded[run], frozenset(strangers))
    return Found(None, frozenset(strangers))


def _problem(runs: Runs, run: str, record: TrainedModel | None) -> str:
    """Why a run is not taken; empty when it is, or when it was cut off before its model."""
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
    from training.bundle import load_bundle

    with tempfile.TemporaryDirectory() as scratch:
        try:
            found = load_bundle(runs.fetch_bundle(run, target=Path(scratch))).digest
        except OvernightError as error:
            return str(error)
    if found == record.bundle_digest:
        return ""
    return f"its bundle is {found[:12]}, and {record.bundle_digest[:12]} was made"
