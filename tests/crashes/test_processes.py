"""What is told about how a process ended, on which every other test here relies."""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.crashes.processes import Job, run, start_parent

THREADS, JOBS = 4, 150


def test_a_status_is_told_right_while_other_threads_start_processes(tmp_path: Path) -> None:
    start_parent()

    def codes(thread: int) -> list[int]:
        job = Job(os.getpid, (), tmp_path, tmp_path / str(thread))
        return [run(job).code for _ in range(JOBS)]

    with ThreadPoolExecutor(THREADS) as threads:
        told = [code for found in threads.map(codes, range(THREADS)) for code in found]

    assert Counter(told) == {0: THREADS * JOBS}
