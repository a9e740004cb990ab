"""The services of the stack."""

from infra.aws.services.alarms import build_alarms
from infra.aws.services.compute import SERVICE, Compute, build_compute
from infra.aws.services.endpoints import allow_deploying, allow_reading
from infra.aws.services.serving import build_serving_role
from infra.aws.services.tracking import (
    DECIDING,
    LOGGING,
    READING,
    Tracking,
    allow_tracking,
    build_tracking,
)

__all__ = [
    "DECIDING",
    "LOGGING",
    "READING",
    "SERVICE",
    "Compute",
    "Tracking",
    "allow_deploying",
    "allow_reading",
    "allow_tracking",
    "build_alarms",
    "build_compute",
    "build_serving_role",
    "build_tracking",
]
