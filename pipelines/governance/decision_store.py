"""The decision chain in the lake: who registered, approved, rejected, promoted what, and why.

The newest hash is noted in the registry too: a chain that was cut short, or made anew, does not
hold it. The chain is what counts; aliases follow it (`pipelines.review.reconciliation`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import pyarrow as pa

from expectations.contract import EVENT_DAY, EVENT_TIME, TRANSACTION_ID, OvernightError
from pipelines.governance.decision_log import FIRST, Decision, Digests, Ledger, find_breaks
from pipelines.ingestion import TIMESTAMP
from pipelines.lake import ChangedSinceError, Lake

DECISIONS = "decisions"
ATTEMPTS = 20


class Decisions:
    """The chain of one spec, in the lake.

    Args:
        lake: of the spec.
        noted_head: reads the newest hash that was noted beside the lake; None when none was.
        note_head: notes it.
    """

    def __init__(
        self, lake: Lake, *, noted_head: Callable[[], str | None], note_head: Callable[[str], None]
    ) -> None:
        self._lake, self._noted_head, self._note_head = lake, noted_head, note_head

    def load(self) -> Ledger:
        """All records, verified.

        Raises:
            OvernightError: naming every record that was changed, left out or put in.
        """
        # The note first: it is written after its record, so what is read then holds that record.
        noted = self._noted_head()
        ledger = self._read()
        problems = list(find_breaks(ledger.records, noted_head=noted))
        if problems:
            raise OvernightError(
                f"The decision chain of {self._lake.root} is broken:\n"
                + "\n".join(f"  - {problem}" for problem in problems)
                + "\nNothing is approved or deployed until it is restored from a backup."
            )
        return ledger

    def record(self, decide: Callable[[Ledger], Decision | None]) -> Ledger:
        """Add what is decided on the chain as it is; asked again when another came in between.

        Args:
            decide: gives an unsealed record, or None when there is nothing to add. May raise to
                refuse.

        Returns:
            The chain afterwards.
        """
        for _ in range(ATTEMPTS):
            ledger = self.load()
            decided = decide(ledger)
            if decided is None:
                self._catch_up(ledger)
                return ledger
            # A chain with records of which none is noted is a broken one: so it is said that the
            # first is on its way, and one that came no further is caught up with.
            if ledger.records:
                self._catch_up(ledger)
            elif self._noted_head() is None:
                self._note_head(FIRST)
            number = len(ledger.records) + 1
            sealed = replace(decided, number=number).sealed(ledger.head)
            rows = _to_rows([sealed])
            try:
                at = ledger.at and self._lake.add_columns(ledger.at, rows.schema)
                at = self._lake.append(DECISIONS, rows, at=at)
            except ChangedSinceError:
                continue
            self._note_head(sealed.own)
            return Ledger((*ledger.records, sealed), at)
        raise OvernightError(
            f"{ATTEMPTS} decisions of others came in between. Look at what they are, then repeat."
        )

    def _catch_up(self, ledger: Ledger) -> None:
        """Note the newest hash where whoever wrote the record came no further."""
        noted = self._noted_head()
        # A hash that is not among these is of a record that came in since; its writer noted it.
        if ledger.records and noted in {FIRST, *(record.own for record in ledger.records[:-1])}:
            self._note_head(ledger.head)

    def _read(self) -> Ledger:
        at = self._lake.newest(DECISIONS)
        rows = [] if at is None else self._lake.read(at).to_pylist()
        # In the order of the rows as they were written; a number that was changed is found.
        return Ledger(tuple(sorted(map(_from_row, rows), key=lambda r: r.number)), at)


_COLUMNS = [f.name for f in fields(Decision) if f.name not in {"number", "time", "digests"}]
_DIGESTS = [f.name for f in fields(Digests)]


def _to_rows(records: Sequence[Decision]) -> pa.Table:
    """As rows of a table of the lake: the number is their id."""
    named = {name: [str(getattr(r, name)) for r in records] for name in _COLUMNS}
    digests = {f"{name}_digest": [getattr(r.digests, name) for r in records] for name in _DIGESTS}
    return pa.table(
        {
            TRANSACTION_ID: pa.array([r.number for r in records], pa.int64()),
            EVENT_TIME: pa.array([r.time for r in records], TIMESTAMP),
            **named,
            **digests,
            EVENT_DAY: [f"{r.time:%F}" for r in records],
        }
    )


def _from_row(row: Mapping[str, Any]) -> Decision:
    named = {name: row[name] for name in _COLUMNS}
    # A table of an earlier version has fewer columns.
    digests = Digests(**{name: row.get(f"{name}_digest") or "" for name in _DIGESTS})
    return Decision(
        **named | {"version": int(row["version"])},
        number=row[TRANSACTION_ID], time=row[EVENT_TIME], digests=digests,
    )  # fmt: skip
