"""One process at a time writes what a night writes of a spec; the others wait.

The lock belongs to a home, so to one machine. Two machines with one lake are kept apart by the
lake's own commits, which refuse the second.
"""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import ParamSpec

P = ParamSpec("P")


def writing(spec: str, *, doing: str) -> AbstractContextManager[None]:
    """The lock of what a night writes of a spec; a step inside a run enters it again.

    Args:
        spec: its name.
        doing: shown to those who wait.
    """
    return _lock(f"{spec}.lock", f"{doing} of {spec}")


def backtesting(spec: str) -> AbstractContextManager[None]:
    """The lock of the folder that backtests of a spec share."""
    return _lock(f"{spec}.backtest.lock", f"the backtest of {spec}")


def searching(spec: str, *, worker: int) -> AbstractContextManager[None]:
    """The lock of being one of the workers on a spec's studies, from its first trial to its last.

    Named by the spec: a lock for each study would leave files every night.
    """
    return _lock(f"{spec}.worker-{worker}.lock", f"tuning worker {worker} of {spec}")


def beginning(spec: str) -> AbstractContextManager[None]:
    """The lock of beginning a trial of one of a spec's studies."""
    return _lock(f"{spec}.trial.lock", f"the beginning of a trial of {spec}")


def one_at_a_time(step: Callable[P, str]) -> Callable[P, str]:
    """A step, whose first argument is a spec, that waits for others that write of this spec."""

    @functools.wraps(step)
    def run(*given: P.args, **named: P.kwargs) -> str:
        from pipelines.config import load_spec

        reference = str(given[0] if given else named["spec"])
        with writing(load_spec(reference).name, doing=step.__name__.replace("_", "-")):
            return step(*given, **named)

    return run


def _lock(name: str, doing: str) -> AbstractContextManager[None]:
    from infra.processes.locks import only_one
    from pipelines.config.installation import load_settings

    return only_one(load_settings().home / "locks" / name, doing=doing)
