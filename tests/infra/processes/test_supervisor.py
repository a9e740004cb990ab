import os
import signal
import subprocess
import sys

import pytest

from tests.infra.embedded_server import is_alive, wait_for

# A parent that detaches a grandchild, as daemons do, and then waits.
FAMILY = """
import subprocess, sys, time
grandchild = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
)
open(sys.argv[1], "w").write(str(grandchild.pid))
time.sleep(600)
"""


@pytest.fixture
def supervised(tmp_path):
    note = tmp_path / "grandchild"
    supervisor = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "infra.processes.supervisor",
            sys.executable,
            "-c",
            FAMILY,
            str(note),
        ],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    assert wait_for(lambda: note.exists() and note.read_text())
    grandchild = int(note.read_text())
    yield supervisor, grandchild
    supervisor.stdin.close()
    supervisor.kill()
    supervisor.wait()
    if is_alive(grandchild):
        os.kill(grandchild, signal.SIGKILL)


def test_a_detached_grandchild_ends_when_the_starter_goes_away(supervised):
    supervisor, grandchild = supervised
    supervisor.stdin.close()
    assert wait_for(lambda: supervisor.poll() is not None)
    assert not is_alive(grandchild)


def test_a_detached_grandchild_ends_on_sigterm(supervised):
    supervisor, grandchild = supervised
    supervisor.send_signal(signal.SIGTERM)
    assert wait_for(lambda: supervisor.poll() is not None)
    assert not is_alive(grandchild)


def test_the_exit_code_of_a_command_that_ends_by_itself_is_passed_on():
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "infra.processes.supervisor",
            sys.executable,
            "-c",
            "raise SystemExit(7)",
        ],
        stdin=subprocess.PIPE,
    ) as supervisor:
        assert supervisor.wait(timeout=20) == 7
