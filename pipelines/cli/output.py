"""The check of a command's arguments, and the output of its results."""

import inspect
from collections.abc import Callable, Iterable

import typer


def check(**dates: str) -> None:
    """Refuse dates that are none and a faulty environment, before anything is read or written.

    Args:
        dates: of the command, by the parameter's name; empty ones are ignored.

    Raises:
        ProblemsError: naming each.
    """
    from pipelines.config.installation import load_settings
    from pipelines.steps.dates import refuse_dates

    refuse_dates(dates)
    load_settings()


def show(text: str) -> None:
    """Print a result with terminal control characters escaped."""
    from pipelines.config import plain_lines

    typer.echo(plain_lines(text))


def show_lines(lines: Iterable[str]) -> None:
    """Print each line as soon as it is produced."""
    for line in lines:
        show(line)


def step_help(step: Callable[..., str]) -> str:
    """Return the docstring of a step, which is the help text of its command."""
    return inspect.cleandoc(step.__doc__ or "")
