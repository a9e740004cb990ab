"""Runs `python -m infra.emulator` as a real process on free ports, for the length of a test."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest


class EmbeddedServer:
    """A server that can be stopped, killed and started again on its home."""

    def __init__(self, home: Path, *, time_scale: float = 0.01) -> None:
        self.home = home
        self.port, self.aws_port = free_port(), free_port()
        self._time_scale = time_scale
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What boto3 needs to talk to this server."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.aws_port}",
            "AWS_ENDPOINT_URL_SAGEMAKER": self.address,
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": self.address,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def command(self) -> list[str]:
        ports = ["--port", str(self.port), "--aws-port", str(self.aws_port)]
        scale = ["--time-scale", str(self._time_scale)]
        return [sys.executable, "-m", "infra.emulator", "--home", str(self.home), *ports, *scale]

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(self.command(), stdout=output, stderr=output)
        if not wait_for(lambda: self.process.poll() is not None or self.is_healthy(), seconds=60):
            raise AssertionError(self.log.read_text())
        assert self.process.poll() is None, self.log.read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, give the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def ask(self, method: str, path: str, body: object = None) -> object:
        """Ask what is not AWS's: `/faults`, `/calls`."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data=data, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def is_healthy(self) -> bool:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{self.address}/health", timeout=5) as answer,
        ):
            return answer.status == 200
        return False

    def containers(self) -> list[int]:
        """Process ids of the `serve` processes below the server."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
                if (
                    int(parent) == self.process.pid
                    and b"infra.serving" in (entry / "cmdline").read_bytes()
                ):
                    found.append(int(entry.name))
        return found

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def close(self) -> None:
        """End it whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@contextlib.contextmanager
def standing_server(home: Path) -> Iterator[EmbeddedServer]:
    """A server for a block; who wants to talk to it takes its `environment`."""
    server = EmbeddedServer(home)
    try:
        server.start()
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def talking_to(server: EmbeddedServer) -> Iterator[None]:
    """boto3 in this process and its children talks to a server, for a block."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield


@contextlib.contextmanager
def running_server(home: Path) -> Iterator[EmbeddedServer]:
    """A server for a block; boto3 in this process talks to it."""
    with standing_server(home) as server, talking_to(server):
        yield server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
