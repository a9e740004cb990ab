"""The scheduler and the roles of its tasks."""

from infra.aws.tasks.deployment import build_deploy_role
from infra.aws.tasks.nightly import build_nightly_role
from infra.aws.tasks.reviewing import build_reviewer_role
from infra.aws.tasks.scheduler import build_scheduler

__all__ = [
    "build_deploy_role",
    "build_nightly_role",
    "build_reviewer_role",
    "build_scheduler",
]
