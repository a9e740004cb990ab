"""The models that `train` made, in a table of the lake that nothing else writes.

Whoever may edit an MLflow experiment can make a run that looks like one of ours. So a run counts
only with a record here, with its inputs, its author and the digest of its bundle.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from expectations.contract import EVENT_DAY, EVENT_TIME, TRANSACTION_ID, InputError, OvernightError
from pipelines.config import ModelSpec
from pipelines.config.installation import load_settings
from pipelines.ingestion import TIMESTAMP
from pipelines.lake import ChangedSinceError, Lake, TableVersion

TRAINED = "trained"
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """One record.

    Attributes:
        run: id of the MLflow run that holds the model.
        inputs: digest of training set, parameters, policy and code.
        bundle_digest: SHA-256 of the bundle's files.
        author: who asked for it, `alice (Airflow)` or `schedule`.
    """

    run: str
    inputs: str
    bundle_digest: str
    author: str


class TrainedModels:
    """The records of one spec; they are added to and never changed."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def find(self, inputs: str) -> list[TrainedModel]:
        """Models of the same inputs, newest first; of each run its newest record."""
        newest = {each.run: each for each in self._read(self._lake.newest(TRAINED))}
        return [each for each in reversed(newest.values()) if each.inputs == inputs]

    def get(self, run: str) -> TrainedModel:
        """Return the newest record of a run.

        Raises:
            InputError: when there is none, so that `train` did not make it.
        """
        found = [each for each in self._read(self._lake.newest(TRAINED)) if each.run == run]
        if not found:
            raise InputError(
                f"The lake has no record that train made the model of runs:/{run}, so it is not "
                'taken. Run "overnight train" and name the run that it returns.'
            )
        return found[-1]

    def record(self, made: TrainedModel) -> None:
        """Add a record, unless it is the newest of its run."""
        for _ in range(ATTEMPTS):
            at = self._lake.newest(TRAINED)
            held = self._read(at)
            if [each for each in held if each.run == made.run][-1:] == [made]:
                return
            try:
                self._lake.append(TRAINED, _to_rows(made, number=len(held) + 1), at=at)
            except ChangedSinceError:
                continue
            return
        raise OvernightError(f"{ATTEMPTS} models of others came in between. Run train again.")

    def _read(self, at: TableVersion | None) -> list[TrainedModel]:
        rows = [] if at is None else self._lake.read(at).to_pylist()
        return [_from_row(row) for row in sorted(rows, key=lambda row: int(row[TRANSACTION_ID]))]


def open_trained(spec: ModelSpec) -> TrainedModels:
    """Return the records of a spec, in the lake of this environment."""
    return TrainedModels(Lake(load_settings().lake, spec=spec.name))


def _to_rows(made: TrainedModel, *, number: int) -> pa.Table:
    now = datetime.now(UTC).replace(microsecond=0)
    return pa.table(
        {
            TRANSACTION_ID: pa.array([number], pa.int64()),
            EVENT_TIME: pa.array([now], TIMESTAMP),
            "run": [made.run],
            "inputs": [made.inputs],
            "bundle_digest": [made.bundle_digest],
            "author": [made.author],
            EVENT_DAY: [f"{now:%F}"],
        }
    )


def _from_row(row: Mapping[str, Any]) -> TrainedModel:
    return TrainedModel(row["run"], row["inputs"], row["bundle_digest"], row["author"])
