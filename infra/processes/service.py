"""Starts services under a guard, waits for their health, stops them with all they started."""

import contextlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from expectations.contract import InputError, OvernightError

POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Service:
    """A program that serves until it is stopped.

    Attributes:
        health: an address that answers 200 when the service is ready.
        log: where its output goes.
        patience_seconds: how long it may take to become healthy.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    health: str
    log: Path
    patience_seconds: float = 180.0


@contextlib.contextmanager
def running(services: Sequence[Service]) -> Iterator[None]:
    """Run services for the time of a block; all are healthy from its first line on.

    Raises:
        OvernightError: when one ends or does not become healthy in time, with its last lines.
    """
    with contextlib.ExitStack() as stack:
        started = [(service, stack.enter_context(_guarded(service))) for service in services]
        for service, guard in started:
            _wait_until_healthy(service, guard)
        yield


@contextlib.contextmanager
def _guarded(service: Service) -> Iterator[subprocess.Popen[bytes]]:
    service.log.parent.mkdir(parents=True, exist_ok=True)
    with service.log.open("wb") as output:
        guard = subprocess.Popen(  # noqa: S603 -- our own commands, no shell
            [sys.executable, "-m", "infra.processes.supervisor", *service.command],
            env=dict(service.environment),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the terminal reaches us alone; the guard hears of it through its pipe.
            start_new_session=True,
        )
    try:
        yield guard
    finally:
        if guard.stdin is not None:
            guard.stdin.close()
        guard.wait()


def refuse_taken_ports(ports: Mapping[str, int]) -> None:
    """Refuse to start when a port is in use.

    Args:
        ports: name of the environment variable that sets a port, to the port.

    Raises:
        InputError: naming every port that is taken and its variable.
    """
    taken = []
    for variable, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                taken.append(f"port {port} is in use: set {variable} to a free one")
    if taken:
        raise InputError("Nothing was started: " + "; ".join(taken) + ", or stop what uses it.")


def _wait_until_healthy(service: Service, guard: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + service.patience_seconds
    while time.monotonic() < deadline and guard.poll() is None:
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(service.health, timeout=2) as answer,  # noqa: S310 -- loopback
        ):
            if answer.status == HTTPStatus.OK:
                return
        time.sleep(POLL_SECONDS)
    tail = service.log.read_text(errors="replace").splitlines()[-12:]
    state = "ended" if guard.poll() is not None else "did not become healthy"
    raise OvernightError(
        f"{service.name} {state}; the last lines of {service.log}:\n" + "\n".join(tail)
    )
