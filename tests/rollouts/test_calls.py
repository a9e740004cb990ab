"""Calls of AWS that fail once, are not allowed, never answer or answer late."""

import pytest

from expectations.contract import OvernightError
from tests.pipelines.nights import QUIET
from tests.rollouts.calls import CALLS, CHANGING, READING, fault
from tests.rollouts.outcome import consistent, promoted_once
from tests.rollouts.rig import Rig

pytestmark = QUIET


@pytest.mark.parametrize("effect", ["error", "lost_reply"])
@pytest.mark.parametrize("operation", CHANGING)
def test_a_call_that_fails_once_is_made_again(rig: Rig, operation: str, effect: str) -> None:
    # S3 throttles with 503, and an answer to HEAD has no body that could name the error.
    status = 503 if CALLS[operation] == "s3" else 400
    rig.arm(fault(operation, effect=effect, times=1, status=status))
    with rig.asked() as traffic:
        rig.deploy()
    consistent(rig, traffic, serves=2)
    assert [r.version for r in rig.chain.records if r.kind == "promotion"] == [1, 2]


@pytest.mark.parametrize("effect", ["error", "lost_reply", "drop"])
def test_reading_calls_that_fail_once_each_are_made_again(rig: Rig, effect: str) -> None:
    rig.arm(*(fault(operation, effect=effect, status=503) for operation in READING))
    with rig.asked() as traffic:
        rig.deploy()
    consistent(rig, traffic, serves=2)


@pytest.mark.parametrize("operation", [*CHANGING, "DescribeEndpoint", "HeadObject"])
def test_a_permission_that_is_missing_is_named_and_the_champion_serves_on(
    rig: Rig, operation: str
) -> None:
    rig.arm(
        fault(
            operation, times=None, code="AccessDeniedException",
            status=403 if CALLS[operation] == "s3" else 400,
            message=f"not authorized to perform: {CALLS[operation]}:{operation}",
        )
    )  # fmt: skip
    with rig.asked() as traffic:
        with pytest.raises(OvernightError, match=rf"(?s){operation}|Forbidden|AccessDenied"):
            rig.deploy()
        rig.disarm()
    consistent(rig, traffic, serves=1)
    promoted_once(rig)


@pytest.mark.parametrize("operation", ["DescribeEndpoint", "CreateModel", "UpdateEndpoint"])
def test_a_call_that_never_answers_ends_the_deployment_in_bounded_time(
    rig: Rig, impatient, operation: str
) -> None:
    with rig.asked() as traffic:
        impatient()
        rig.arm(fault(operation, effect="hang", times=None))
        with pytest.raises(OvernightError, match="attempts"):
            rig.deploy()
        rig.disarm()
    consistent(rig, traffic, serves=1)
    promoted_once(rig)


def test_every_changing_call_that_answers_late_is_found_done(rig: Rig, impatient) -> None:
    with rig.asked() as traffic:
        impatient()
        rig.arm(*(fault(operation, effect="hang", times=1) for operation in CHANGING))
        rig.deploy()
    consistent(rig, traffic, serves=2)
