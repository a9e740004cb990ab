"""What the role of the deploy steps is given is what deployments say they need."""

import itertools
from datetime import UTC, datetime

from infra.sagemaker.control.actions import EVERY, needed_actions
from infra.sagemaker.control.client import EndpointState
from infra.sagemaker.control.configuration import Release, plan_configuration
from infra.sagemaker.endpoint_status import FAILED, IN_SERVICE
from infra.sagemaker.policy import EndpointPolicy

SINCE = datetime(2025, 1, 1, tzinfo=UTC)


def live(status):
    return EndpointState(status, "demo-1", pending="", rollback_alarms=(), reason="", since=SINCE)


def test_the_role_may_do_what_some_deployment_or_a_rollback_needs_and_no_more(bundles):
    configuration = plan_configuration(
        Release("1", bundles["v1"].folder), spec="demo", policy=EndpointPolicy()
    )
    states = (None, live(FAILED), live(IN_SERVICE))
    needed = set()
    for state, is_tidied in itertools.product(states, (True, False)):
        needed.update(needed_actions(configuration, state, is_tidied=is_tidied))
    assert set(EVERY) == needed | {"cloudwatch:PutMetricData"}
    assert len(set(EVERY)) == len(EVERY)
