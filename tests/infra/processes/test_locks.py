"""Locks between processes: one inside, others wait, a killed one holds nothing."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from infra.processes.locks import only_one

HOLDER = """
import sys, time
from pathlib import Path
from infra.processes.locks import only_one
with only_one(Path(sys.argv[1]), doing="the run of cards"):
    print("inside", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "locks/cards.lock")],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "inside\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_another_process_waits_until_the_first_is_gone_and_is_told_for_whom(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    path = tmp_path / "locks/cards.lock"
    said = path.read_text()
    assert f"the run of cards: process {holder.pid} since 20" in said
    entered: list[float] = []

    def enter() -> None:
        with only_one(path, doing="a step"):
            entered.append(time.monotonic())

    waiting = threading.Thread(target=enter)
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    killed = time.monotonic()
    os.kill(holder.pid, signal.SIGKILL)
    waiting.join(30)
    assert entered
    assert entered[0] >= killed
    assert path.read_text() == ""  # nobody is inside


def test_a_step_of_a_run_enters_again(tmp_path: Path) -> None:
    path = tmp_path / "cards.lock"
    with only_one(path, doing="the run"), only_one(path, doing="a step of it"):
        assert "the run: process" in path.read_text()
    assert path.read_text() == ""


def test_threads_of_one_process_are_kept_apart(tmp_path: Path) -> None:
    inside, most = 0, 0

    def enter() -> None:
        nonlocal inside, most
        for _ in range(50):
            with only_one(tmp_path / "lock", doing="counting"):
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_who_fails_inside_leaves_it_open(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fault"), only_one(tmp_path / "lock", doing="it"):
        raise ValueError("fault")
    with only_one(tmp_path / "lock", doing="it"):
        pass


def test_the_file_is_its_users_alone(tmp_path: Path) -> None:
    with only_one(tmp_path / "lock", doing="it"):
        assert (tmp_path / "lock").stat().st_mode & 0o077 == 0
