"""Fault injection: faults that a test or a dry-run deployment arms, and their use.

A deployment has to survive throttled calls, lost answers and fleets without capacity. Each is one
line of JSON here, so recovery can be tested on one machine.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

POLL_SECONDS = 0.05


class ApiFault(BaseModel):
    """A fault of one operation's answer.

    Attributes:
        service: as the request is signed for, `s3`, `monitoring`; invocations: `sagemaker-runtime`.
        operation: its name; None is any of the service.
        effect: `error` and `drop` and `hang` do nothing; `lost_reply` does it and says nothing.
        seconds: duration of a `hang`.
        times: number of calls that fail; None is all until cleared.
        skip: number of calls that pass before the first that fails.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["api"]
    service: str
    operation: str | None = None
    effect: Literal["error", "hang", "lost_reply", "drop"] = "error"
    code: str = "ThrottlingException"
    status: int = Field(default=400, ge=400, le=599)
    message: str = "Rate exceeded"
    seconds: float = Field(default=120.0, ge=0)
    times: int | None = Field(default=1, ge=1)
    skip: int = Field(default=0, ge=0)


class EndpointFault(BaseModel):
    """A fault of an endpoint: of its start, or a crash.

    Attributes:
        endpoint: its name; None is any.
        seconds: delay of a `slow_start`.
        times: number of injections; None is always until cleared.
        skip: number of occasions that pass before the first injection.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["start_failure", "slow_start", "insufficient_capacity", "crash"]
    endpoint: str | None = None
    seconds: float = Field(default=5.0, ge=0)
    times: int | None = Field(default=1, ge=1)
    skip: int = Field(default=0, ge=0)


class AlarmFault(BaseModel):
    """Alarms forced to ALARM, for a number of evaluations or until cleared.

    Attributes:
        endpoint: only alarms with this endpoint among their dimensions; None is any.
        alarm: start of their names.
        times: how many evaluations; None is until cleared.
        skip: how many evaluations pass before the first that is forced.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["alarm"]
    endpoint: str | None = None
    alarm: str = ""
    times: int | None = Field(default=None, ge=1)
    skip: int = Field(default=0, ge=0)


Fault = ApiFault | EndpointFault | AlarmFault
_FAULTS: TypeAdapter[list[Annotated[Fault, Field(discriminator="kind")]]] = TypeAdapter(
    list[Annotated[Fault, Field(discriminator="kind")]]
)


class FaultError(ValueError):
    """A fault that cannot be armed; names every problem."""


def read_faults(content: bytes) -> list[Fault]:
    """Read one fault or a list of them from JSON.

    Raises:
        FaultError: naming every field that is unknown, missing or out of range.
    """
    one_or_more = content if content.lstrip().startswith(b"[") else b"[" + content + b"]"
    try:
        return list(_FAULTS.validate_json(one_or_more))
    except ValidationError as error:
        problems = (
            f"{'.'.join(str(part) for part in problem['loc']) or 'body'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise FaultError("; ".join(problems)) from error


@dataclass(slots=True)
class _Armed:
    fault: Fault
    left: int | None
    skip: int


class Faults:
    """The faults that are armed; used from the event loop and from the threads of moto."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._clearings = 0

    def arm(self, faults: list[Fault]) -> None:
        """Arm more faults; of those that match a call, the first armed is injected."""
        with self._lock:
            self._armed += [_Armed(fault, fault.times, fault.skip) for fault in faults]

    def clear(self) -> None:
        """Disarm all faults, and end the calls that hang."""
        with self._lock:
            self._armed = []
            self._clearings += 1

    def listed(self) -> list[Mapping[str, object]]:
        """Return the armed faults, with the times and skips that are left."""
        with self._lock:
            return [
                {**armed.fault.model_dump(), "times": armed.left, "skip": armed.skip}
                for armed in self._armed
            ]

    def take_call_fault(self, service: str, operation: str) -> ApiFault | None:
        """Take the fault to inject into a call and count it as used; None when no fault applies."""
        if not self._armed:
            return None
        with self._lock:
            for armed in self._armed:
                fault = armed.fault
                if (
                    isinstance(fault, ApiFault)
                    and fault.service == service
                    and fault.operation in (None, operation)
                ):
                    return fault if self._use(armed) else None
        return None

    def take_endpoint_fault(self, kind: str, endpoint: str) -> EndpointFault | None:
        """Take the fault of a kind to inject into an endpoint and count it as used, or None."""
        with self._lock:
            for armed in self._armed:
                fault = armed.fault
                if (
                    isinstance(fault, EndpointFault)
                    and fault.kind == kind
                    and fault.endpoint in (None, endpoint)
                ):
                    return fault if self._use(armed) else None
        return None

    def take_alarm_fault(self, alarm: str, dimensions: list[str]) -> bool:
        """Return True if an alarm is forced to ALARM, and count the fault as used."""
        with self._lock:
            for armed in self._armed:
                fault = armed.fault
                if (
                    isinstance(fault, AlarmFault)
                    and alarm.startswith(fault.alarm)
                    and (fault.endpoint is None or fault.endpoint in dimensions)
                ):
                    return self._use(armed)
        return False

    def hanging(self, fault: ApiFault) -> "Hanging":
        """Start the clock of a call that hangs from now on."""
        return Hanging(self, time.monotonic() + fault.seconds, self._clearings)

    def is_cleared_since(self, clearings: int) -> bool:
        """Return True if the faults were cleared since a count of clearings was read."""
        return self._clearings != clearings

    def _use(self, armed: _Armed) -> bool:
        if armed.skip:
            armed.skip -= 1
            return False
        if armed.left is not None:
            armed.left -= 1
            if armed.left == 0:
                self._armed.remove(armed)
        return True


@dataclass(frozen=True, slots=True)
class Hanging:
    """The end of a call that hangs; polled by the code that holds the connection."""

    faults: Faults
    until: float
    clearings: int

    def is_over(self) -> bool:
        """Return True once the time has passed or the faults were cleared."""
        return time.monotonic() >= self.until or self.faults.is_cleared_since(self.clearings)
