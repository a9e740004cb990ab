"""A step as an Airflow task: its documentation, and its log when it fails or is skipped.

Airflow logs an exception with its traceback. A failure of ours has a message that says it all, so
its task ends as a command does: with one paragraph and an exit code.
"""

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any

from airflow.sdk import task
from airflow.sdk.exceptions import AirflowSkipException

from expectations.contract import InputError, OutcomeError, OvernightError, UndeclaredError

log = logging.getLogger(__name__)


class StepFailed(SystemExit):
    """Exit of a step whose failure is in the log; Airflow retries it.

    Attributes:
        error: the failure.
    """

    exit_code = 1

    def __init__(self, error: OvernightError) -> None:
        super().__init__(self.exit_code)
        self.error = error


class StepRefused(StepFailed):
    """Exit of a step that a retry cannot help: an error of the user, or an outcome."""

    exit_code = 2


def step_task(step: Callable[..., str], **arguments: Any) -> Callable[..., Any]:
    """Make a task of a step, with the docstring of the step as `doc_md`."""
    return task(**_documentation(step), **arguments)(_with_plain_errors(step))


def gate_task(step: Callable[..., str]) -> Callable[..., Any]:
    """Make a task after which a run goes on only when the step returned something."""
    return task.short_circuit(**_documentation(step))(_with_plain_errors(step))


def _documentation(step: Callable[..., str]) -> dict[str, str]:
    return {"doc_md": inspect.cleandoc(step.__doc__ or "")}


def _with_plain_errors(step: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(step)
    def run(*given: str, **named: str) -> str:
        try:
            return step(*given, **named)
        except UndeclaredError as error:
            # Until somebody declares it, no night has failed that ends here.
            log.warning("%s", error)
            raise AirflowSkipException(str(error)) from None
        except OvernightError as error:
            log.error("%s", error)
            kind = StepRefused if isinstance(error, (InputError, OutcomeError)) else StepFailed
            raise kind(error) from None

    return run
