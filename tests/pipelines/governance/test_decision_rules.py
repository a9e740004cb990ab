"""DecisionStore in force, and reasons against further ones."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pipelines.config.installation.actors import Actor, parse_actor
from pipelines.config.spec import ApprovalPolicy
from pipelines.governance.decision_log import DecisionLog, Kind
from pipelines.governance.rules import approval_refusals, deployment_refusals
from tests.pipelines.governance.records import ALICE, BOB, MADE, NOON, decision_log, entry


def test_the_chain_says_what_is_in_force() -> None:
    now = decision_log(
        ("registration", 1), ("approval", 1), ("promotion", 1), ("registration", 2),
        ("override", 2), ("promotion", 2), ("registration", 3), ("approval", 3),
    )  # fmt: skip
    assert (now.approval.version, now.champion, now.champion_before) == (3, 2, 1)
    assert now.challenger == 3
    rejected = decision_log(*((r.kind, r.version) for r in now.records), ("rejection", 3))
    assert rejected.approval is None
    assert rejected.challenger is None
    back = decision_log(*((r.kind, r.version) for r in now.records[:6]), ("rollback", 1))
    assert (back.approval.version, back.champion, back.champion_before) == (1, 1, None)
    assert decision_log().champion is None


def refusals(version: int, held: DecisionLog, **changes: object) -> list[str]:
    given = {
        "found": MADE, "author": BOB, "approver": ALICE, "policy": ApprovalPolicy(),
        "now": NOON + timedelta(days=1),
    }  # fmt: skip
    return list(approval_refusals(version, decision_log=held, **(given | changes)))


SERVING = (("registration", 1), ("approval", 1), ("promotion", 1), ("registration", 2))


@pytest.mark.parametrize(
    ("version", "steps", "changes", "said"),
    [
        (2, SERVING, {}, None),
        (9, SERVING, {}, "no record of its registration"),
        (2, SERVING, {"found": replace(MADE, data="e" * 64)}, "the training set has the digest"),
        (2, SERVING, {"found": replace(MADE, metrics="e" * 64)}, "the run's metrics has"),
        (2, SERVING, {"approver": Actor("Bob", "MLflow")}, "Bob (MLflow) made it; another person"),
        (2, SERVING, {"approver": Actor("unknown", "MLflow"), "author": None}, None),
        (2, SERVING, {"now": NOON + timedelta(days=15)}, "14 days ago, and that holds 14d"),
        (2, (*SERVING, ("rejection", 2)), {}, "record 5 (rejection of version 2"),
        (1, (*SERVING, ("approval", 2), ("promotion", 2)), {}, "than the champion, version 2"),
        (2, (*SERVING, ("approval", 2), ("promotion", 2), ("rollback", 1)), {}, "(rollback of"),
        (3, (*SERVING, ("registration", 3), ("approval", 2)), {}, "2 was approved by alice"),
    ],
)  # fmt: skip
def test_every_reason_against_an_approval(
    version: int, steps: tuple[tuple[Kind, int], ...], changes: dict[str, object], said: str | None
) -> None:
    found = refusals(version, decision_log(*steps), **changes)
    assert (found == []) if said is None else (len(found) == 1 and said in found[0]), found


def test_all_reasons_come_at_once_and_an_override_sets_only_the_gates_aside() -> None:
    refused = entry("registration", 1, gate="refused: baseline: 0.1 is less than 0.2")
    held = DecisionLog((replace(refused, number=1),), at=None)
    changed_ = replace(MADE, model="e" * 64, policy="e" * 64)
    every = refusals(1, held, found=changed_, author=ALICE, now=NOON + timedelta(days=40))
    assert [reason.split(" ")[0:2] for reason in every] == [
        ["the", "gate"], ["the", "bundle"], ["the", "spec"], ["alice", "(MLflow)"], ["it", "was"],
    ]  # fmt: skip
    assert "baseline: 0.1 is less than 0.2" in every[0]
    assert refusals(1, held) == every[:1]
    assert refusals(1, held, is_override=True) == []


def test_an_approval_is_not_deployed_when_it_expired_or_its_version_changed() -> None:
    held = decision_log(*SERVING, ("approval", 2))
    approval = held.approval
    assert approval is not None

    def reasons(**changes: object) -> list[str]:
        given = {"found": MADE, "policy": ApprovalPolicy(), "now": NOON + timedelta(days=1)}
        return list(deployment_refusals(approval, decision_log=held, **(given | changes)))

    assert reasons() == []
    (late,) = reasons(now=NOON + timedelta(days=15))
    assert "it was approved 14 days ago" in late
    (other,) = reasons(found=replace(MADE, model="e" * 64))
    assert other.startswith("the bundle has the digest eeeeeeeeeeee, and mmmmmmmmmmmm was recorded")


def test_whom_nobody_knows_is_not_the_same_person() -> None:
    assert ALICE.is_known_as(Actor("Alice", "Airflow"))
    assert not ALICE.is_known_as(BOB)
    for nobody in (Actor("Anonymous", "Airflow"), Actor("unknown", "MLflow")):
        assert not nobody.is_known_as(nobody)


def test_an_identity_is_read_as_it_is_written() -> None:
    assert parse_actor("ann smith (operating system)") == Actor("ann smith", "operating system")
    assert parse_actor("schedule") is None
    assert parse_actor(None) is None
