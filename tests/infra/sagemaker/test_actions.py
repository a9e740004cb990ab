"""What the role of the deploy steps is given is what deployments say they need."""

import itertools
from datetime import UTC, datetime

from infra.sagemaker.control.actions import EVERY, needed_actions
from infra.sagemaker.control.client import FAILED, IN_SERVICE, Live
from infra.sagemaker.control.configuration import Release, plan_layout
from infra.sagemaker.policy import EndpointPolicy

SINCE = datetime(2025, 1, 1, tzinfo=UTC)


def live(status):
    return Live(status, "demo-1", pending="", guards=(), reason="", since=SINCE)


def test_the_role_may_do_what_some_deployment_or_a_rollback_needs_and_no_more(bundles):
    layout = plan_layout(Release("1", bundles["v1"].folder), spec="demo", policy=EndpointPolicy())
    states = (None, live(FAILED), live(IN_SERVICE))
    needed = set()
    for state, is_tidied in itertools.product(states, (True, False)):
        needed.update(needed_actions(layout, state, is_tidied=is_tidied))
    assert set(EVERY) == needed | {"cloudwatch:PutMetricData"}
    assert len(set(EVERY)) == len(EVERY)
