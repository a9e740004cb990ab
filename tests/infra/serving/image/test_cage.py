"""The container serves where every way to the network is deadly."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.bundles import make_instances
from tests.infra.serving.container import Container

CAGE = Path(__file__).with_name("cage.py")


@pytest.fixture
def caged(tmp_path):
    """An interpreter that runs everything in the cage."""
    shim = tmp_path / "python"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{CAGE}" "{sys.executable}" "$@"\n')
    shim.chmod(0o755)
    return shim


def test_the_container_loads_pings_scores_and_ends_without_opening_a_connection(
    caged, bundles, tmp_path
):
    made, instances = bundles["v1"], make_instances(20, seed=31)
    container = Container(
        made.folder,
        python=caged,
        output=tmp_path / "metrics",
        OVERNIGHT_WORKERS="2",
        OVERNIGHT_ENDPOINT="demo",
        OVERNIGHT_METRICS_SECONDS="0.2",
        OVERNIGHT_CAPTURE=str(tmp_path / "captured"),
    )
    try:
        assert container.ask("GET", "/ping")[0] == 200
        status, answer = container.invoke(instances, reasons="all", unknown_categories="missing")
        assert status == 200
        assert [p["score"] for p in answer["predictions"]] == made.expected(instances)
        container.process.terminate()
        assert container.process.wait(timeout=30) == 0
    finally:
        container.close()
    assert sum(json.loads(line)["Rows"] for line in container.output.read_text().splitlines()) == 20
    assert list((tmp_path / "captured").glob("**/*.jsonl"))


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('127.0.0.1', 9))",
        "socket.getaddrinfo('localhost', 80)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_INET6)",
        "socket.socket(socket.AF_UNIX).connect('/nowhere')",
        "ctypes.CDLL(None).socket(socket.AF_INET, socket.SOCK_STREAM, 0)",
        "subprocess.run([sys.executable, '-c', 'import socket; socket.socket()'], check=True)",
    ],
)
def test_whoever_tries_dies(caged, attempt):
    code = f"import ctypes, socket, subprocess, sys; {attempt}"
    ran = subprocess.run([caged, "-c", code], capture_output=True, text=True, check=False)
    died = (
        ran.returncode == -signal.SIGSYS
        or f"died with <Signals.SIGSYS: {int(signal.SIGSYS)}>" in ran.stderr
    )
    assert died, ran.stderr
