"""DecisionStore for the tests of their log."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pipelines.config.installation.actors import Actor
from pipelines.governance.decision_log import Decision, DecisionLog, Digests, Kind, decide

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALICE, BOB = Actor("alice", "MLflow"), Actor("bob", "Airflow")
MADE = Digests(model="m" * 64, data="d" * 64, metrics="s" * 64, policy="p" * 64)


def entry(kind: Kind, version: int, *, hour: int = 0, gate: str = "accepted") -> Decision:
    return decide(
        kind, version, actor=ALICE, reason=f"{kind} it", gate=gate, digests=MADE,
        now=NOON + timedelta(hours=hour),
    )  # fmt: skip


def decision_log(*steps: tuple[Kind, int]) -> DecisionLog:
    """Records of an hour each."""
    records = [replace(entry(kind, v, hour=n), number=n + 1) for n, (kind, v) in enumerate(steps)]
    return DecisionLog(tuple(records), at=None)
