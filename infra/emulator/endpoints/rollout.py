"""An update's way from the old fleet to the new one, step by step, under its alarms."""

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
    """Why an update must turn back."""


async def strike_start(name: str, host: Host) -> None:
    """Let armed faults strike an endpoint's new fleet before it starts.

    Raises:
        StartError: when one of them keeps it from starting.
    """
    if slow := host.faults.strike_endpoint("slow_start", name):
        await asyncio.sleep(slow.seconds)
    if host.faults.strike_endpoint("insufficient_capacity", name):
        raise StartError(NO_CAPACITY)
    if host.faults.strike_endpoint("start_failure", name):
        raise StartError(NO_START)


def strike_crash(name: str, fleet: Fleet, host: Host) -> None:
    """Let an armed crash kill a container of a fleet."""
    if host.faults.strike_endpoint("crash", name):
        fleet.instances()[0].kill()


async def shift_traffic(name: str, traffic: Traffic, shift: Shift, host: Host) -> None:
    """Give the next fleet its shares, one after the other, and watch each.

    Raises:
        RollbackError: on an alarm, or a new container that crashed.
    """
    for share in shift.shares:
        traffic.shift(share)
        log.info("Endpoint %s: %.0f %% to the new fleet", name, 100 * share)
        await _watch(name, traffic, shift, host)


def refuse_trouble(traffic: Traffic, shift: Shift, host: Host) -> None:
    """Refuse to go on.

    Raises:
        RollbackError: when an alarm rings, or a container of the next fleet crashed.
    """
    if ringing := host.alarms.ringing(shift.alarms):
        raise RollbackError(f"One or more alarms were in ALARM: {', '.join(ringing)}")
    if traffic.next is not None and any(i.crashes for i in traffic.next.instances()):
        raise RollbackError("A container of the new fleet crashed while it was watched.")


async def _watch(name: str, traffic: Traffic, shift: Shift, host: Host) -> None:
    end = time.monotonic() + shift.wait_seconds * host.time_scale
    while True:
        if traffic.next is not None:
            strike_crash(name, traffic.next, host)
        refuse_trouble(traffic, shift, host)
        left = end - time.monotonic()
        if left <= 0:
            return
        await asyncio.sleep(min(left, WATCH_SECONDS))
