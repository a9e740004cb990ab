"""Fills in references that a person left out on the command line.

Steps and DAGs never ask for "the newest"; only the command line does, here, and the step then
gets a pinned reference as always.
"""

from collections.abc import Mapping

from expectations.contract import InputError
from pipelines.config import ModelSpec, load_spec
from pipelines.config.installation import load_settings
from pipelines.features import FEATURES, TRAINING_SETS
from pipelines.ingestion import LABELS, TRANSACTIONS
from pipelines.lake import Lake, Snapshot, TableVersion


def fill_newest(given: Mapping[str, str]) -> dict[str, str]:
    """Replace empty references by the newest of the spec.

    Args:
        given: a step's arguments; always with `spec`.

    Raises:
        InputError: when there is nothing yet, naming the command that makes it.
    """
    load_settings()
    filled = dict(given)
    missing = [name for name in ("snapshot", "features", "training_set") if given.get(name) == ""]
    if missing or given.get("study") == "" or given.get("run") == "":
        spec = load_spec(given["spec"])
        for name in missing:
            filled[name] = _newest_tables(spec, name)
        if given.get("study") == "":
            filled["study"] = _study(given["spec"], filled["training_set"])
        if given.get("run") == "":
            filled["run"] = _newest_run(spec)
    return filled


def _newest_tables(spec: ModelSpec, name: str) -> str:
    lake = Lake(load_settings().lake, spec=spec.name)
    if name == "snapshot":
        rows, labels = _need(lake, TRANSACTIONS, "ingest"), _need(lake, LABELS, "ingest")
        return str(Snapshot(rows, labels))
    if name == "features":
        return str(_need(lake, FEATURES, "build-features"))
    return str(_need(lake, TRAINING_SETS, "build-training-set"))


def _need(lake: Lake, table: str, command: str) -> TableVersion:
    at = lake.newest(table)
    if at is None:
        raise InputError(f'{lake.root} has no {table} yet. Run "overnight {command}" first.')
    return at


def _study(reference: str, training_set: str) -> str:
    from pipelines.modelling import study_of

    return study_of(load_spec(reference), training_set)


def _newest_run(spec: ModelSpec) -> str:
    from pipelines.tracking import open_registry

    run = open_registry(spec).runs.newest_model()
    if run is None:
        raise InputError(f'{spec.name} has no run yet. Run "overnight train" first.')
    return f"runs:/{run}"
