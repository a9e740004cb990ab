"""A lake for backtests: what they read stands in production's, what they make in a folder apart."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from pipelines.feature_plan import FEATURES, plan_features
from pipelines.ingestion import LABELS, TRANSACTIONS
from pipelines.lake import Lake, TableVersion
from pipelines.parts import Part
from pipelines.snapshot import Snapshot
from pipelines.spec import ModelSpec


class BacktestLake(Lake):
    """Tables of a spec, of which some are another lake's and may only be read.

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
        """Where the parts of a table stand."""
        return self._base.folder(table) if table in self._read_only else super().folder(table)

    def commit(
        self,
        table: str,
        parts: Sequence[Part],
        *,
        schema: pa.Schema,
        days: Iterable[str] | None,
        inputs: str,
        notes: Mapping[str, str] | None = None,
    ) -> TableVersion:
        """As in any lake, of a table that is not read only."""
        self._refuse(table)
        return super().commit(table, parts, schema=schema, days=days, inputs=inputs, notes=notes)

    def write_days(
        self, table: str, rows: pa.Table, *, inputs: str, empty_days: Iterable[str] = ()
    ) -> TableVersion:
        """As in any lake, of a table that is not read only."""
        self._refuse(table)
        return super().write_days(table, rows, inputs=inputs, empty_days=empty_days)

    def append(self, table: str, rows: pa.Table, *, at: TableVersion | None) -> TableVersion:
        """As in any lake, of a table that is not read only."""
        self._refuse(table)
        return super().append(table, rows, at=at)

    def _refuse(self, table: str) -> None:
        if table in self._read_only:
            raise ValueError(f"{table} of {self._base.root} may only be read by a backtest")


def open_backtest_lake(
    spec: ModelSpec, base: Lake, pinned: Snapshot, *, folder: Path
) -> BacktestLake:
    """The lake of a spec's backtests: features are read too where they are what the spec declares.

    Args:
        spec: declares the features.
        base: production's.
        pinned: the snapshot to be read.
        folder: for all that is written.
    """
    is_built = plan_features(spec, base, pinned).is_done
    read_only = {TRANSACTIONS, LABELS, FEATURES} if is_built else {TRANSACTIONS, LABELS}
    return BacktestLake(base, folder, spec=spec.name, read_only=frozenset(read_only))
