"""Services under a supervisor: start, wait for their health, stop with all that they started."""

import contextlib
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

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
        for service, supervisor in started:
            _wait_until_healthy(service, supervisor)
        yield


@contextlib.contextmanager
def _guarded(service: Service) -> Iterator[subprocess.Popen[bytes]]:
    service.log.parent.mkdir(parents=True, exist_ok=True)
    with service.log.open("wb") as output:
        supervisor = subprocess.Popen(  # noqa: S603 -- our own commands, no shell
            [sys.executable, "-m", "infra.processes.supervisor", *service.command],
            env=dict(service.environment),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the terminal reaches us alone; the supervisor ends when its pipe closes.
            start_new_session=True,
        )
    try:
        yield supervisor
    finally:
        if supervisor.stdin is not None:
            supervisor.stdin.close()
        supervisor.wait()


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


def _wait_until_healthy(service: Service, supervisor: subprocess.Popen[bytes]) -> None:
    until_told = Retrying(
        retry=retry_if_result(lambda healthy: not healthy and supervisor.poll() is None),
        stop=stop_after_delay(service.patience_seconds),
        wait=wait_fixed(POLL_SECONDS),
        retry_error_callback=lambda _: False,
    )
    if until_told(_is_healthy, service):
        return
    tail = service.log.read_text(errors="replace").splitlines()[-12:]
    state = "ended" if supervisor.poll() is not None else "did not become healthy"
    raise OvernightError(
        f"{service.name} {state}; the last lines of {service.log}:\n" + "\n".join(tail)
    )


def _is_healthy(service: Service) -> bool:
    with (
        contextlib.suppress(urllib.error.URLError, OSError),
        urllib.request.urlopen(service.health, timeout=2) as answer,  # noqa: S310 -- loopback
    ):
        return bool(answer.status == HTTPStatus.OK)
    return False
