"""Times a command as a whole process, and takes its memory together with all that it started.

Everything a command starts stays in its session (pyspark's workers leave the process group, not
the session), so the session is what is sampled and what is ended.
"""

import contextlib
import os
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SAMPLES_PER_SECOND = 5
_MIB = 1024  # in the kB of /proc

Outcome = Literal["ok", "timeout", "failed"]


@dataclass(frozen=True, slots=True)
class Measured:
    """One run.

    Attributes:
        seconds: wall time from the start to the exit; the timeout if it had to be ended.
        peak_mib: largest sum of the proportional set sizes of all its processes.
        reason: the line of its output that says why it failed; empty otherwise.
        cpu_seconds: processor time of all its processes, to the last sample: beside other work on
            the machine it says more than the wall time.
    """

    outcome: Outcome
    seconds: float
    peak_mib: float
    reason: str = ""
    cpu_seconds: float = 0.0


def measure(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    output: Path,
    timeout_seconds: float,
    memory_limit_mib: float,
) -> Measured:
    """Run a command to its end, at most for a time and within an amount of memory.

    Args:
        command: the program and its arguments.
        environment: all of its environment variables.
        output: receives what it writes to stdout and stderr.
        timeout_seconds: after this it is ended.
        memory_limit_mib: beyond this it is ended, before the machine runs out of memory.
    """
    with output.open("wb") as sink:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, stdout=sink, stderr=sink, start_new_session=True
        )
        sampler = _Sampler(process.pid, memory_limit_mib)
        sampler.start()
        try:
            if not _ends_within(process.pid, timeout_seconds):
                return Measured("timeout", timeout_seconds, sampler.peak_mib)
        finally:
            seconds = time.perf_counter() - began
            sampler.stop()
            end_session(process.pid)
            process.wait()
    if sampler.is_over:
        reason = f"out of memory: more than {memory_limit_mib:,.0f} MiB"
        return Measured("failed", seconds, sampler.peak_mib, reason)
    if process.returncode != 0:
        code = process.returncode
        ended = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        reason = ": ".join(filter(None, [ended, _last_line(output)]))
        return Measured("failed", seconds, sampler.peak_mib, reason)
    return Measured("ok", seconds, sampler.peak_mib, cpu_seconds=sampler.cpu_seconds)


def _ends_within(pid: int, timeout_seconds: float) -> bool:
    """Wait for a process; `Popen.wait` with a timeout looks only every 50 ms."""
    handle = os.pidfd_open(pid)
    try:
        return bool(select.select([handle], [], [], timeout_seconds)[0])
    finally:
        os.close(handle)


class _Sampler(threading.Thread):
    """Watches the memory of a session, and ends the session when it passes a limit."""

    def __init__(self, session: int, limit_mib: float) -> None:
        super().__init__(daemon=True)
        self.peak_mib = 0.0
        self.is_over = False
        self._session, self._limit_mib = session, limit_mib
        self._stopped = threading.Event()
        self._cpu: dict[int, float] = {}

    @property
    def cpu_seconds(self) -> float:
        return sum(self._cpu.values())

    def run(self) -> None:
        while not self._stopped.wait(1 / SAMPLES_PER_SECOND):
            members = list(members_of(self._session))
            self._cpu |= {pid: seconds for pid in members if (seconds := cpu_seconds(pid))}
            held = sum(proportional_kib(pid) for pid in members) / _MIB
            self.peak_mib = max(self.peak_mib, held)
            if held > self._limit_mib and not self._stopped.is_set():
                self.is_over = True
                end_session(self._session)

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def end_session(session: int) -> None:
    """Kill every process of a session, until none is left to start another."""
    while members := list(members_of(session)):
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def members_of(session: int) -> Iterator[int]:
    """Running processes of a session; one that has exited and waits to be read is none."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError):
            if entry.name.isdigit():
                # After the name in brackets: state, parent, process group, session.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if fields[0] not in "ZX" and int(fields[3]) == session:
                    yield int(entry.name)


def proportional_kib(pid: int) -> int:
    """Memory of a process with shared pages divided among those that share; 0 if it has gone."""
    with contextlib.suppress(OSError):
        found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
        return int(found[1]) if found else 0
    return 0


def cpu_seconds(pid: int) -> float:
    """Processor time of a process; 0 if it has gone."""
    with contextlib.suppress(OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _last_line(output: Path) -> str:
    """The last line that names an error, or else the last of all."""
    lines = [line.strip() for line in output.read_text(errors="replace").splitlines()]
    lines = [line for line in lines if line]
    named = [line for line in lines if re.search(r"\w(Error|Exception)\b|[Oo]ut of memory", line)]
    return (named or lines or [""])[-1][:300]
