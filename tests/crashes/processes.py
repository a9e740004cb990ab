"""Runs a function in a process that may be killed, forked from one that has all libraries loaded.

The forked process leads a session of its own, so whatever it started is found by that, and must end
with it.
"""

import contextlib
import json
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import tests.crashes.effects as watching

PATIENCE_SECONDS = 300
GRACE_SECONDS = 30
UNSET = (
    "OVERNIGHT_LAKE",
    "MLFLOW_TRACKING_URI",
    "OVERNIGHT_STUDIES",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
)
# `Process.start` looks after every other process too, and an exit status can be read only once: a
# thread that starts one while another thread reads would leave that one with a status of 255.
TURN = threading.Lock()


@dataclass(frozen=True, slots=True)
class Job:
    """A call, and how the process that makes it ends.

    Attributes:
        call: importable; its result must be JSON.
        home: of the installation.
        folder: receives the process' output, result and effects.
        environment: beside that of the tests.
        kill_at: before which effect it is killed; None: never.
        file_bytes: no file may grow beyond; the write that would is cut, and the process ends by
            `limit_signal`, or is told (`EFBIG`) when that is ignored.
        before: called first in the process.
    """

    call: Callable[..., Any]
    arguments: tuple[str, ...]
    home: Path
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    kill_at: int | None = None
    file_bytes: int | None = None
    before: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended.

    Attributes:
        code: 0, or minus the number of the signal.
        value: what the call returned.
        error: the class and the text of what it raised; empty otherwise.
        effects: their kinds, in order.
        left: command lines of what it started and left running.
    """

    code: int
    value: Any
    error: str
    effects: tuple[str, ...]
    left: tuple[str, ...]
    log: str

    @property
    def is_killed(self) -> bool:
        return self.code == -signal.SIGKILL


def start_parent() -> None:
    """Load the libraries once; every process afterwards is forked from there."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(["tests.crashes.warm"])


def run(job: Job) -> Ended:
    """Run a job to its end; threads may do so at once."""
    job.folder.mkdir(parents=True, exist_ok=True)
    for name in ("effects", "result", "log"):
        (job.folder / name).unlink(missing_ok=True)
    process = multiprocessing.get_context("forkserver").Process(target=_work, args=(job,))
    with TURN:
        process.start()
    is_over = wait([process.sentinel], PATIENCE_SECONDS)
    with TURN:
        if not is_over:
            process.kill()
        process.join()
    pid, code = process.pid, process.exitcode
    assert pid is not None
    assert code is not None
    left = tuple(_outlasting(pid))
    result = job.folder / "result"
    told = json.loads(result.read_text()) if result.exists() else {}
    return Ended(
        code=code,
        value=told.get("value"),
        error=told.get("error", ""),
        effects=tuple((job.folder / "effects").read_text().splitlines()),
        left=left,
        log=(job.folder / "log").read_text(errors="replace"),
    )


def _work(job: Job) -> None:
    os.setsid()
    output = os.open(job.folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(output, number)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115 -- for the length of the process
    for name in UNSET:
        os.environ.pop(name, None)
    os.environ |= {"OVERNIGHT_HOME": str(job.home), "OVERNIGHT_SPARK": "local[1]"}
    os.environ |= job.environment
    effects = watching.Effects(job.folder / "effects", kill_at=job.kill_at)
    watching.watch(effects, job.home)
    if job.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_bytes, resource.RLIM_INFINITY))
    if job.before is not None:
        job.before()
    told: dict[str, Any]
    try:
        told = {"value": job.call(*job.arguments)}
    except Exception as error:  # noqa: BLE001 -- whatever it is, the test judges it
        traceback.print_exc()
        told = {"error": f"{type(error).__name__}: {error}"}
    effects.note(watching.END)
    if job.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    (job.folder / "result").write_text(json.dumps(told))
    sys.stdout.flush()
    sys.stderr.flush()
    # As a process of the command line would, without what multiprocessing adds.
    threading._shutdown()  # type: ignore[attr-defined]
    os._exit(0)


def _outlasting(session: int) -> list[str]:
    """What of a session is still there when it had time to end; it is ended then."""
    deadline = time.monotonic() + GRACE_SECONDS
    while (family := _members(session)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return list(family.values())


def _members(session: int) -> dict[int, str]:
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, _, its = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:4]
            if int(its) == session and state != "Z":
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(entry.name)] = command.decode(errors="replace")[:200]
    return found
