"""One process a folder."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from expectations.contract import InputError
from infra.processes.locks import hold, refuse_held

HOLDER = """
import sys, time
from pathlib import Path
from infra.processes.locks import hold
with hold(Path(sys.argv[1]), holder="overnight up"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_folder_that_is_kept_is_refused_with_its_keepers_process(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    refuse_held(folder)
    keeper = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == "held\n"
    said = rf"^overnight up \(process {keeper.pid}\) uses {folder} already: stop it"
    with pytest.raises(InputError, match=said), hold(folder, holder="another"):
        pass
    with pytest.raises(InputError, match=said):
        refuse_held(folder)
    keeper.send_signal(signal.SIGKILL)
    keeper.wait()
    keeper.stdout.close()
    refuse_held(folder)
    with hold(folder, holder="another"):
        assert (folder / "lock").read_text() == f"another (process {os.getpid()})"


def test_a_block_that_ended_keeps_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        with hold(tmp_path, holder="a"):
            pass


def test_only_its_owner_reads_the_lock(tmp_path: Path) -> None:
    with hold(tmp_path, holder="a"):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
