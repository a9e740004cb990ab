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
def guarded(tmp_path):
    note = tmp_path / "grandchild"
    guard = subprocess.Popen(
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
    yield guard, grandchild
    guard.stdin.close()
    guard.kill()
    guard.wait()
    if is_alive(grandchild):
        os.kill(grandchild, signal.SIGKILL)


def test_a_detached_grandchild_ends_when_the_starter_goes_away(guarded):
    guard, grandchild = guarded
    guard.stdin.close()
    assert wait_for(lambda: guard.poll() is not None)
    assert not is_alive(grandchild)


def test_a_detached_grandchild_ends_on_sigterm(guarded):
    guard, grandchild = guarded
    guard.send_signal(signal.SIGTERM)
    assert wait_for(lambda: guard.poll() is not None)
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
    ) as guard:
        assert guard.wait(timeout=20) == 7
