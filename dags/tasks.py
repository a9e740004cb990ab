"""A step as an Airflow task: what its page shows, and what its log says when it fails.

Airflow logs an exception with its traceback. A failure of ours has a message that says it all, so
its task ends as a command does: with one paragraph and an exit code.
"""

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any

from airflow.sdk import task

from expectations.contract import InputError, OutcomeError, OvernightError

log = logging.getLogger(__name__)


class StepFailed(SystemExit):
    """The end of a step whose failure is in the log; it is tried again.

    Attributes:
        error: the failure.
    """

    exit_code = 1

    def __init__(self, error: OvernightError) -> None:
        super().__init__(self.exit_code)
        self.error = error


class StepRefused(StepFailed):
    """The same where trying again changes nothing: of the user's mistakes and of outcomes."""

    exit_code = 2


def step_task(step: Callable[..., str], **arguments: Any) -> Callable[..., Any]:
    """Make a task of a step, with the step's documentation as its page."""
    return task(**_described(step), **arguments)(_ending_in_words(step))


def gate_task(step: Callable[..., str]) -> Callable[..., Any]:
    """Make a task after which a run goes on only when the step returned something."""
    return task.short_circuit(**_described(step))(_ending_in_words(step))


def _described(step: Callable[..., str]) -> dict[str, str]:
    return {"doc_md": inspect.cleandoc(step.__doc__ or "")}


def _ending_in_words(step: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(step)
    def run(*given: str, **named: str) -> str:
        try:
            return step(*given, **named)
        except OvernightError as error:
            log.error("%s", error)
            kind = StepRefused if isinstance(error, (InputError, OutcomeError)) else StepFailed
            raise kind(error) from None

    return run
