"""Resources that every service of the stack uses."""

from infra.aws.foundation.credentials import build_credentials
from infra.aws.foundation.keys import build_keys
from infra.aws.foundation.logs import Logs, build_logs
from infra.aws.foundation.network import Network, build_network
from infra.aws.foundation.registry import build_registry
from infra.aws.foundation.role import (
    ABORT_PARTS,
    OBJECTS,
    PIPELINE,
    READ_OBJECT,
    STREAMS,
    USE_KEY,
    WRITE_OBJECT,
    allow,
    allow_key,
    allow_listing,
    below,
    build_person_role,
    build_role,
)
from infra.aws.foundation.storage import Storage, build_storage

__all__ = [
    "ABORT_PARTS",
    "OBJECTS",
    "PIPELINE",
    "READ_OBJECT",
    "STREAMS",
    "USE_KEY",
    "WRITE_OBJECT",
    "Logs",
    "Network",
    "Storage",
    "allow",
    "allow_key",
    "allow_listing",
    "below",
    "build_credentials",
    "build_keys",
    "build_logs",
    "build_network",
    "build_person_role",
    "build_registry",
    "build_role",
    "build_storage",
]
