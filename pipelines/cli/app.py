"""The command line's entry point: the groups of commands, exit codes, errors in one paragraph.

Modules of this package import nothing heavy at their top, so that help appears at once.
"""

import logging
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from pipelines.cli import data, deployment, local, nightly, review
from pipelines.cli.groups import GroupedCommands

app = typer.Typer(
    name="overnight",
    cls=GroupedCommands,
    help="Retrains, checks, reviews and ships fraud models every night.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (nightly, review, deployment, data, local):
    app.add_typer(group.commands)


def _show_version(is_asked: bool) -> None:  # noqa: FBT001 -- as typer calls it
    if is_asked:
        typer.echo(f"overnight {version('overnight')}")
        raise typer.Exit


@app.callback()
def options(
    shown: Annotated[  # noqa: FBT002 -- a flag of the command line
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and end."
        ),
    ] = False,
    debug: Annotated[  # noqa: FBT002 -- a flag of the command line, which `main` reads
        bool, typer.Option("--debug", help="Show where a fault happened; anywhere in the line.")
    ] = False,
) -> None:
    """Retrains, checks, reviews and ships fraud models every night."""


class _PlainFormatter(logging.Formatter):
    """A log on a screen that nothing in it can steer."""

    def format(self, record: logging.LogRecord) -> str:
        from pipelines.config import plain_lines

        return plain_lines(super().format(record))


def main() -> None:
    """Run the command line; the exit code is 2 for the user's mistakes and 1 for ours."""
    debug = "--debug" in sys.argv
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_PlainFormatter("%(message)s"))
    for package in ("pipelines", "feature_jobs", "training", "expectations", "infra"):
        logging.getLogger(package).setLevel(logging.INFO)
    try:
        app(args=arguments, prog_name="overnight")
    except Exception as error:
        if debug:
            raise
        sys.exit(_explain(error))


def _explain(error: Exception) -> int:
    """Write one paragraph about a failure and give its exit code."""
    from expectations.contract import InputError, OvernightError
    from pipelines.config import plain_lines
    from pipelines.steps.error_translation import explain

    error = error if isinstance(error, OvernightError) else explain(error) or error
    ours = isinstance(error, OvernightError)
    text = str(error) if ours else f"{type(error).__name__}: {error}"
    hint = "" if ours else "\nThis is a fault of the program; --debug shows where."
    typer.secho(plain_lines(text) + hint, fg=typer.colors.RED, err=True)
    return 2 if isinstance(error, InputError) else 1
