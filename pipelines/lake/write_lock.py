"""Locks by which one process of a machine at a time writes the tables and runs of a spec.

The lock files are in `OVERNIGHT_HOME`. Of two machines with one lake, the lake's own commits refuse
the second writer.
"""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import ParamSpec

P = ParamSpec("P")


def writing(spec: str, *, doing: str) -> AbstractContextManager[None]:
    """Lock the tables and runs of a spec; a step inside a locked run may enter again.

    Args:
        spec: its name.
        doing: shown to waiting processes.
    """
    return _lock(f"{spec}.lock", f"{doing} of {spec}")


def backtesting(spec: str) -> AbstractContextManager[None]:
    """Lock the folder that the backtests of a spec share."""
    return _lock(f"{spec}.backtest.lock", f"the backtest of {spec}")


def searching(spec: str, *, worker: int) -> AbstractContextManager[None]:
    """Lock a worker's number on the studies of a spec, from its first trial to its last.

    Named by the spec: a lock for each study would leave files every night.
    """
    return _lock(f"{spec}.worker-{worker}.lock", f"tuning worker {worker} of {spec}")


def beginning(spec: str) -> AbstractContextManager[None]:
    """Lock the beginning of a trial of a spec's studies."""
    return _lock(f"{spec}.trial.lock", f"the beginning of a trial of {spec}")


def one_at_a_time(step: Callable[P, str]) -> Callable[P, str]:
    """Decorate a step, whose first argument is a spec, to hold the lock of that spec."""

    @functools.wraps(step)
    def run(*given: P.args, **named: P.kwargs) -> str:
        from pipelines.config import load_spec  # not at the top: `overnight --help` loads this

        reference = str(given[0] if given else named["spec"])
        with writing(load_spec(reference).name, doing=step.__name__.replace("_", "-")):
            return step(*given, **named)

    return run


def _lock(name: str, doing: str) -> AbstractContextManager[None]:
    from infra.processes import only_one
    from pipelines.config.installation import load_settings

    return only_one(load_settings().home / "locks" / name, doing=doing)
