"""The join of filed transactions with the joined tables, as they are after a delivery."""

from collections.abc import Collection
from typing import Protocol

import pyarrow as pa

from pipelines.ingestion.filing.merge import MergedVersions, merge_versions
from pipelines.ingestion.filing.row_division import divide_rows


class Rejoin(Protocol):
    """The questions of filing to the joined tables.

    Attributes:
        attributes: columns of transactions that come from them.
        days: days with filed rows for which another row of a joined table counts now.
        late_ids: filed transactions whose own rows of a joined table came later than they did;
            None for none.
    """

    @property
    def attributes(self) -> Collection[str]: ...  # noqa: D102 -- above

    @property
    def days(self) -> frozenset[str]: ...  # noqa: D102 -- above

    @property
    def late_ids(self) -> pa.ChunkedArray | None: ...  # noqa: D102 -- above

    def join(self, rows: pa.Table, new: Collection[str]) -> pa.Table:
        """Join filed rows again; the same table if nothing changes.

        Args:
            rows: of the table of transactions.
            new: attributes that they did not have before.
        """

    def keep(self, filed: pa.Table, delivered: pa.Table) -> pa.Table:
        """Give redelivered rows the attributes that came with them, or with their corrections."""

    def late(self, versions: pa.Table) -> pa.Table:
        """Make the corrections of transactions whose own rows of a joined table came later."""


def add_late(
    staying: pa.Table, merged: MergedVersions, joined: Rejoin
) -> tuple[pa.Table, MergedVersions]:
    """Add the versions that late rows of joined tables make of filed transactions.

    Args:
        staying: all versions of transactions that were not delivered.
        merged: those of the delivered ones.
        joined: the joined tables.

    Returns:
        Both, with corrected transactions among the merged ones.
    """
    late = joined.late(pa.concat_tables([staying, merged.rows]))
    if not late.num_rows:
        return staying, merged
    ids = late.column("transaction_id")
    staying, first = divide_rows(staying, ids)
    others, second = divide_rows(merged.rows, ids)
    corrected = merge_versions(pa.concat_tables([first, second]), late)
    rows = pa.concat_tables([others, corrected.rows])
    return staying, MergedVersions(
        rows, is_changed=merged.is_changed or corrected.is_changed,
        corrected=merged.corrected + corrected.corrected,
        outdated=merged.outdated + corrected.outdated, late=merged.late,
    )  # fmt: skip
