"""A lake for backtests: what they read stands in production's, what they make in a folder apart."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.config import ModelSpec, Snapshot, TableVersion
from pipelines.features import FEATURES, plan_features
from pipelines.ingestion import LABELS, TRANSACTIONS
from pipelines.lake import Lake


class BacktestLake(Lake):
    """Tables of a spec, of which some are another lake's; those are read only.

    Args:
        base: holds the tables that are read only.
        folder: receives all others.
        spec: name of both.
        read_only: names of the tables of `base`.
    """

    def __init__(self, base: Lake, folder: Path, *, spec: str, read_only: frozenset[str]) -> None:
        super().__init__(str(folder / "lake"), spec=spec)
        self._base = base
        self._read_only = read_only

    def folder(self, table: str) -> str:
        """Folder of the parts of a table."""
        return self._base.folder(table) if table in self._read_only else super().folder(table)


@dataclass(frozen=True, slots=True)
class Reading:
    """Tables that backtests read.

    Attributes:
        lake: with production's tables and a place for others.
        snapshot: the transactions and labels.
        features: production's of that snapshot; None where it holds others than the spec declares,
            and the lake has a place for them.
    """

    lake: BacktestLake
    snapshot: Snapshot
    features: TableVersion | None


def open_reading(spec: ModelSpec, base: Lake, snapshot: Snapshot, *, folder: Path) -> Reading:
    """Pin what the backtests of a spec read, while nights may go on.

    Args:
        spec: declares the features.
        base: production's lake.
        snapshot: of it.
        folder: for all that is written.
    """
    plan = plan_features(spec, base, snapshot)
    features = plan.current if plan.is_done else None
    read_only = {TRANSACTIONS, LABELS} | ({FEATURES} if features else set())
    lake = BacktestLake(base, folder, spec=spec.name, read_only=frozenset(read_only))
    return Reading(lake, snapshot, features)
