"""The latest references of a spec, for those that are left out on the command line.

Steps and DAGs never ask for "the latest"; only the command line does, here, and the step then
gets a pinned reference as always.
"""

from expectations.contract import InputError
from pipelines.config import RunReference, Snapshot, TableVersion, load_spec
from pipelines.config.installation import load_settings
from pipelines.features import FEATURES, TRAINING_SETS
from pipelines.ingestion import LABELS, TRANSACTIONS
from pipelines.lake import Lake
from pipelines.modelling import study_of
from pipelines.tracking import open_registry


def latest_snapshot(reference: str) -> str:
    """Return the latest versions of transactions and labels of a spec.

    Here and below:

    Raises:
        InputError: when there is nothing yet, naming the command that makes it.
    """
    lake = _lake(reference)
    rows, labels = _need(lake, TRANSACTIONS, "ingest"), _need(lake, LABELS, "ingest")
    return str(Snapshot(rows, labels))


def latest_features(reference: str) -> str:
    """Return the latest version of the feature table of a spec."""
    return str(_need(_lake(reference), FEATURES, "build-features"))


def latest_training_set(reference: str) -> str:
    """Return the latest training set of a spec."""
    return str(_need(_lake(reference), TRAINING_SETS, "build-training-set"))


def latest_study(reference: str, training_set: str) -> str:
    """Return the study of a training set."""
    return str(study_of(load_spec(reference), TableVersion.parse(training_set)))


def latest_run(reference: str) -> str:
    """Return the run of a spec's model that was started last."""
    spec = load_spec(reference)
    run = open_registry(spec).runs.latest_model()
    if run is None:
        raise InputError(f'{spec.name} has no run yet. Run "overnight train" first.')
    return str(RunReference(run))


def _lake(reference: str) -> Lake:
    return Lake(load_settings().lake, spec=load_spec(reference).name)


def _need(lake: Lake, table: str, command: str) -> TableVersion:
    at = lake.latest(table)
    if at is None:
        raise InputError(f'{lake.root} has no {table} yet. Run "overnight {command}" first.')
    return at
