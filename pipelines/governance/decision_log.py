"""Records of decisions, the state that follows from them, and the check of their hashes.

Each record holds the hash of the one before it, so a changed byte is found and named.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from expectations.contract import digest_of
from pipelines.config import Column, TableVersion, format_table
from pipelines.config.installation import Actor, parse_actor
from pipelines.tracking import AUTHOR

FIRST = "0" * 64
# Digests that records of earlier versions do not hold.
LATER = frozenset({"report", "description"})
ACCEPTED = "accepted"  # the gate's verdict on a candidate that may be reviewed

Kind = Literal[
    "registration",
    "approval",
    "override",
    "rejection",
    "promotion",
    "rollback",
    "restoration",
    "failure",
    "shadow",
    "split",
    "end",
    "restatement",
]


@dataclass(frozen=True, slots=True)
class Digests:
    """SHA-256 digests of a version's parts: compared at every decision.

    Attributes:
        model: of the bundle's files.
        data: of the training set's rows and of what they were made from.
        metrics: of the run's metrics.
        policy: of the spec that it was made by.
        report: of the review report; empty in records from before it was recorded.
        description: of the version's description; likewise.
    """

    model: str
    data: str
    metrics: str
    policy: str
    report: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """One record.

    Attributes:
        number: from 1, without a gap.
        time: when it was made, UTC.
        version: the model version that it is about; 0 for a restatement, which is about data.
        actor: who decided, with the identity provider.
        reason: as given, or as found.
        gate: the promotion gate's verdict on the version, with its reasons.
        before: hash of the record before it.
        own: its hash, over everything else in it.
    """

    number: int
    time: datetime
    kind: Kind
    version: int
    actor: str
    reason: str
    gate: str
    digests: Digests
    before: str = ""
    own: str = ""

    @property
    def subject(self) -> str:
        """Name what it is about."""
        return f"version {self.version}" if self.version else "the data"

    def __str__(self) -> str:
        return f"record {self.number} ({self.kind} of {self.subject}, {self.time:%F %T})"

    def sealed(self, before: str) -> "Decision":
        """Return the record linked to the hash of the record before it, with its own hash."""
        linked = replace(self, before=before)
        return replace(linked, own=linked.compute_hash())

    def compute_hash(self) -> str:
        """SHA-256 of the canonical JSON of all but the hash.

        A digest that was not recorded is left out, so that hashes of records that are older than
        that digest do not change.
        """
        written = asdict(replace(self, own=""))
        written["digests"] = {k: v for k, v in written["digests"].items() if v or k not in LATER}
        return digest_of(written)


@dataclass(frozen=True, slots=True)
class DecisionLog:
    """The decision log of a spec: its records, and the state that follows from them.

    Attributes:
        records: all, oldest first.
        at: the version of the table that holds them; None when there are none.
    """

    records: tuple[Decision, ...]
    at: TableVersion | None

    @property
    def head(self) -> str:
        """Hash of the latest record."""
        return self.records[-1].own if self.records else FIRST

    def last(self, *kinds: Kind, version: int | None = None) -> Decision | None:
        """Return the latest record of these kinds, of any version or of one."""
        found = (
            r for r in reversed(self.records)
            if r.kind in kinds and (version is None or r.version == version)
        )  # fmt: skip
        return next(found, None)

    def registration(self, version: int) -> Decision | None:
        """Return the record of a version's registration."""
        return self.last("registration", version=version)

    @property
    def approval(self) -> Decision | None:
        """The approval in force: of the version that serves, or is to."""
        in_force = None
        for record in self.records:
            if record.kind in {"approval", "override", "rollback"}:
                in_force = record
            elif record.kind == "rejection" and in_force and in_force.version == record.version:
                in_force = None
        return in_force

    @property
    def champion(self) -> int | None:
        """The version that was last verified to serve."""
        found = self.last("promotion", "rollback")
        return None if found is None else found.version

    def champion_at(self, record: Decision) -> int | None:
        """Return the version that served when a record was made."""
        return DecisionLog(self.records[: record.number], self.at).champion

    @property
    def variant(self) -> Decision | None:
        """The record that began the current shadow or A/B test; None without one."""
        found = self.last("shadow", "split", "end", "promotion", "rollback")
        return found if found is not None and found.kind in {"shadow", "split"} else None

    @property
    def champion_before(self) -> int | None:
        """The version to go back to: the one that the champion replaced."""
        stack: list[int] = []
        for record in self.records:
            if record.kind == "promotion" and record.version not in stack[-1:]:
                stack.append(record.version)
            elif record.kind == "rollback":
                # Promotions after the version that is rolled back to are undone with it.
                while stack and stack[-1] != record.version:
                    stack.pop()
        return stack[-2] if len(stack) > 1 else None

    @property
    def challenger(self) -> int | None:
        """The latest version that the gate accepted; None when it was rejected."""
        accepted = [
            r.version for r in self.records if r.kind == "registration" and r.gate == ACCEPTED
        ]
        latest = max(accepted, default=None)
        return None if latest is None or self.last("rejection", version=latest) else latest


def decide(
    kind: Kind,
    version: int,
    *,
    actor: Actor,
    reason: str,
    gate: str,
    digests: Digests,
    now: datetime | None = None,
) -> Decision:
    """Return a record that is not in the log yet."""
    time = (now or datetime.now(UTC)).replace(microsecond=0)
    return Decision(0, time, kind, version, str(actor), reason, gate, digests)


def find_breaks(records: Sequence[Decision], *, noted_head: str | None) -> Iterator[str]:
    """Find every sign that records are not those that were written."""
    before = FIRST
    for number, record in enumerate(records, start=1):
        if record.number != number:
            yield f"record {number} is missing; {record} stands in its place"
            return
        if record.own != record.compute_hash():
            yield f"{record} was changed: its hash is not that of what it says"
        elif record.before != before:
            yield f"{record} does not follow the record before it: one of them was replaced"
        before = record.own
    if noted_head is None and records:
        yield (
            "the registry notes no latest record: the registered model was renamed or deleted, or "
            "lost its tags; give it its name back, or restore MLflow from a backup"
        )
    current = {record.own for record in records} | ({FIRST} if len(records) < 2 else set())  # noqa: PLR2004 -- the first may be on its way
    if noted_head is not None and noted_head not in current:
        yield (
            f"the registry notes a latest record {noted_head[:12]}, which is not there: the last "
            "records are missing or were written anew"
        )


def describe(decision_log: DecisionLog) -> str:
    """List the records in text, the latest last."""
    if not decision_log.records:
        return "no decisions yet"
    columns = [
        Column(at_least=4, is_right=True), Column(), Column(at_least=12, gap=1),
        Column(at_least=12, gap=1),
    ]  # fmt: skip
    rows = [
        (
            str(r.number), f"{r.time:%F %T}", r.kind, r.subject,
            f"{r.actor}: {r.reason or '-'}  [{r.own[:12]}]",
        )
        for r in decision_log.records
    ]  # fmt: skip
    verified = f"verified: {len(decision_log.records)} records, latest {decision_log.head}"
    return f"{format_table(rows, columns)}\n{verified}"


def author_of(tags: Mapping[str, str]) -> Actor | None:
    """Return the author of a version from its tags."""
    return parse_actor(tags.get(AUTHOR))
