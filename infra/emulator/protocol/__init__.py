"""The protocols of AWS from botocore's service models."""

from infra.emulator.protocol.call_log import CallLog, name_operation, name_service
from infra.emulator.protocol.paging import cut_page
from infra.emulator.protocol.protocol import (
    Content,
    ServiceError,
    invalid,
    is_operation,
    read_request,
    refuse_invalid,
    write_refusal,
    write_reply,
)
from infra.emulator.protocol.resource_names import name_object, read_members

__all__ = [
    "CallLog",
    "Content",
    "ServiceError",
    "cut_page",
    "invalid",
    "is_operation",
    "name_object",
    "name_operation",
    "name_service",
    "read_members",
    "read_request",
    "refuse_invalid",
    "write_refusal",
    "write_reply",
]
