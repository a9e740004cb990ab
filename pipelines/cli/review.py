"""Commands of a review: what there is to decide, the decision, and the record of decisions."""

from typing import Annotated

import typer

from pipelines import steps
from pipelines.cli.options import Because, By, Choice, Override, Spec, Version
from pipelines.cli.output import check, show, step_help

PANEL = "Review"
commands = typer.Typer()


@commands.command(help=step_help(steps.review), rich_help_panel=PANEL)
def review(spec: Spec, version: Version) -> None:
    check()
    show(steps.review(spec, version))


@commands.command(help=step_help(steps.approve), rich_help_panel=PANEL)
def approve(spec: Spec, version: Version, because: Because, override: Override = "") -> None:
    check()
    show(steps.approve(spec, version, because, override))


@commands.command(help=step_help(steps.reject), rich_help_panel=PANEL)
def reject(spec: Spec, version: Version, because: Because) -> None:
    check()
    show(steps.reject(spec, version, because))


@commands.command(help=step_help(steps.decisions), rich_help_panel=PANEL)
def decisions(spec: Spec) -> None:
    check()
    show(steps.decisions(spec))


@commands.command(rich_help_panel=PANEL)
def compare(
    spec: Spec,
    runs: Annotated[list[str], typer.Argument(help="Runs, version numbers or aliases.")],
) -> None:
    """Show what differs between runs of a spec: data, parameters, metrics, the gate's answer."""
    from pipelines.cli.compare import compare_runs

    show(compare_runs(spec, runs))


@commands.command(help=step_help(steps.candidate), rich_help_panel=PANEL)
def candidate(spec: Spec) -> None:
    check()
    show(steps.candidate(spec))


@commands.command(help=step_help(steps.answer), rich_help_panel=PANEL)
def answer(spec: Spec, version: Version, choice: Choice, because: Because, by: By) -> None:
    check()
    show(steps.answer(spec, version, choice, because, by))


@commands.command(help=step_help(steps.reconcile), rich_help_panel=PANEL)
def reconcile(spec: Spec) -> None:
    check()
    show(steps.reconcile(spec))
