"""Rollout of an update: traffic shifts from the old fleet to the new one under alarms."""

import asyncio
import logging
import time

from infra.emulator.endpoints.fleet import Fleet
from infra.emulator.endpoints.instance import StartError
from infra.emulator.endpoints.shift import Shift
from infra.emulator.endpoints.traffic import Traffic
from infra.emulator.host import Host

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.2
NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)
NO_START = (
    "The container did not pass its ping health check. Check the logs of this endpoint. "
    "(an armed start_failure)"
)


class RollbackError(Exception):
    """An update has to be rolled back; the message says why."""


async def inject_start_faults(name: str, host: Host) -> None:
    """Inject armed faults into an endpoint's new fleet before it starts.

    Raises:
        StartError: when a fault keeps the fleet from starting.
    """
    if slow := host.faults.take_endpoint_fault("slow_start", name):
        await asyncio.sleep(slow.seconds)
    if host.faults.take_endpoint_fault("insufficient_capacity", name):
        raise StartError(NO_CAPACITY)
    if host.faults.take_endpoint_fault("start_failure", name):
        raise StartError(NO_START)


def inject_crash(name: str, fleet: Fleet, host: Host) -> None:
    """Kill a container of a fleet if a crash is armed."""
    if host.faults.take_endpoint_fault("crash", name):
        fleet.instances()[0].kill()


async def shift_traffic(name: str, traffic: Traffic, shift: Shift, host: Host) -> None:
    """Give the next fleet its shares, one after the other, and watch each step.

    Raises:
        RollbackError: on an alarm, or a new container that crashed.
    """
    for share in shift.shares:
        traffic.shift(share)
        log.info("Endpoint %s: %.0f %% to the new fleet", name, 100 * share)
        await _watch(name, traffic, shift, host)


def require_healthy(traffic: Traffic, shift: Shift, host: Host) -> None:
    """Require that no alarm is in ALARM and that no new container crashed.

    Raises:
        RollbackError: when an alarm is in ALARM, or a container of the next fleet crashed.
    """
    if alarms := host.alarms.in_alarm(shift.alarms):
        raise RollbackError(f"One or more alarms were in ALARM: {', '.join(alarms)}")
    if traffic.next is not None and any(i.crashes for i in traffic.next.instances()):
        raise RollbackError("A container of the new fleet crashed while it was watched.")


async def _watch(name: str, traffic: Traffic, shift: Shift, host: Host) -> None:
    end = time.monotonic() + shift.wait_seconds * host.time_scale
    while True:
        if traffic.next is not None:
            inject_crash(name, traffic.next, host)
        require_healthy(traffic, shift, host)
        left = end - time.monotonic()
        if left <= 0:
            return
        await asyncio.sleep(min(left, WATCH_SECONDS))
