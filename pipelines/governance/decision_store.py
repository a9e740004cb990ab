"""The decision log in the lake: who registered, approved, rejected, promoted what, and why.

The latest hash is noted in the registry too: a log that was cut short, or written anew, does not
contain it. The log is authoritative; aliases follow it (`pipelines.review.reconciliation`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import pyarrow as pa

from expectations.contract import EVENT_DAY, EVENT_TIME, TRANSACTION_ID, OvernightError
from pipelines.governance.decision_log import FIRST, Decision, DecisionLog, Digests, find_breaks
from pipelines.ingestion import TIMESTAMP
from pipelines.lake import ChangedSinceError, Lake

DECISIONS = "decisions"
ATTEMPTS = 20


class DecisionStore:
    """The decision log of one spec, stored in the lake.

    Args:
        lake: of the spec.
        noted_head: reads the latest hash that was noted in the registry; None when none was.
        note_head: notes it.
    """

    def __init__(
        self, lake: Lake, *, noted_head: Callable[[], str | None], note_head: Callable[[str], None]
    ) -> None:
        self._lake, self._noted_head, self._note_head = lake, noted_head, note_head

    def load(self) -> DecisionLog:
        """Read and verify all records.

        Raises:
            OvernightError: naming every record that was changed, left out or put in.
        """
        # The note first: it is written after its record, so what is read then holds that record.
        noted = self._noted_head()
        decision_log = self._read()
        problems = list(find_breaks(decision_log.records, noted_head=noted))
        if problems:
            raise OvernightError(
                f"The decision log of {self._lake.root} is broken:\n"
                + "\n".join(f"  - {problem}" for problem in problems)
                + "\nNothing is approved or deployed until it is restored from a backup."
            )
        return decision_log

    def record(self, decide: Callable[[DecisionLog], Decision | None]) -> DecisionLog:
        """Add a record that is decided on the current log; repeated if another writer came first.

        Args:
            decide: gives an unsealed record, or None when there is nothing to add. May raise to
                refuse.

        Returns:
            The log afterwards.
        """
        for _ in range(ATTEMPTS):
            decision_log = self.load()
            decided = decide(decision_log)
            if decided is None:
                self._catch_up(decision_log)
                return decision_log
            # A log with records of which none is noted is broken. So the registry first notes that
            # record 1 is being written; after a crash here the note is brought up to date.
            if decision_log.records:
                self._catch_up(decision_log)
            elif self._noted_head() is None:
                self._note_head(FIRST)
            number = len(decision_log.records) + 1
            sealed = replace(decided, number=number).sealed(decision_log.head)
            rows = _to_rows([sealed])
            try:
                at = decision_log.at and self._lake.add_columns(decision_log.at, rows.schema)
                at = self._lake.append(DECISIONS, rows, at=at)
            except ChangedSinceError:
                continue
            self._note_head(sealed.own)
            return DecisionLog((*decision_log.records, sealed), at)
        raise OvernightError(
            f"{ATTEMPTS} decisions of others came in between. Look at what they are, then repeat."
        )

    def _catch_up(self, decision_log: DecisionLog) -> None:
        """Note the latest hash if the writer of the record was killed before doing so."""
        noted = self._noted_head()
        # Any other hash is that of a record added since, whose writer noted it.
        if decision_log.records and noted in {
            FIRST,
            *(record.own for record in decision_log.records[:-1]),
        }:
            self._note_head(decision_log.head)

    def _read(self) -> DecisionLog:
        at = self._lake.latest(DECISIONS)
        rows = [] if at is None else self._lake.read(at).to_pylist()
        # In the order of the rows as they were written; a number that was changed is found.
        return DecisionLog(tuple(sorted(map(_from_row, rows), key=lambda r: r.number)), at)


_COLUMNS = [f.name for f in fields(Decision) if f.name not in {"number", "time", "digests"}]
_DIGESTS = [f.name for f in fields(Digests)]


def _to_rows(records: Sequence[Decision]) -> pa.Table:
    """Convert records to rows of the table; the record number is the row id."""
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
