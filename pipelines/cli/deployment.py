"""Commands at an endpoint: deployment and its steps, the way back, variants, scores."""

import typer

from pipelines import steps
from pipelines.cli.options import (
    Because,
    Day,
    DryRun,
    Outcome,
    Override,
    ShadowPercent,
    Since,
    Spec,
    SplitPercent,
    Traffic,
    Transactions,
    Until,
    Version,
    VersionOption,
)
from pipelines.cli.output import check, show, step_help

PANEL = "Deployment"
commands = typer.Typer()


@commands.command(help=step_help(steps.plan), rich_help_panel=PANEL)
def plan(spec: Spec, version: Version = "") -> None:
    check()
    show(steps.plan(spec, version))


@commands.command(help=step_help(steps.rehearse), rich_help_panel=PANEL)
def rehearse(spec: Spec, version: VersionOption, traffic: Traffic = None) -> None:
    check()
    show(steps.rehearse(spec, version, "" if traffic is None else str(traffic)))


@commands.command(help=step_help(steps.deploy), rich_help_panel=PANEL)
def deploy(spec: Spec, version: Version = "") -> None:
    check()
    show(steps.deploy(spec, version))


@commands.command(help=step_help(steps.roll_out), rich_help_panel=PANEL)
def roll_out(spec: Spec, version: Version = "", dry_run: DryRun = "no") -> None:
    check()
    show(steps.roll_out(spec, version, dry_run))


@commands.command(help=step_help(steps.verify), rich_help_panel=PANEL)
def verify(spec: Spec, version: Version) -> None:
    check()
    show(steps.verify(spec, version))


@commands.command(help=step_help(steps.finalise), rich_help_panel=PANEL)
def finalise(spec: Spec, version: Version, outcome: Outcome) -> None:
    check()
    show(steps.finalise(spec, version, outcome))


@commands.command(help=step_help(steps.rollback), rich_help_panel=PANEL)
def rollback(spec: Spec, because: Because = "") -> None:
    check()
    show(steps.rollback(spec, because))


@commands.command(help=step_help(steps.shadow), rich_help_panel=PANEL)
def shadow(spec: Spec, version: Version, percent: ShadowPercent = 100) -> None:
    check()
    show(steps.shadow(spec, version, str(percent)))


@commands.command(help=step_help(steps.split), rich_help_panel=PANEL)
def split(
    spec: Spec,
    version: Version,
    because: Because,
    percent: SplitPercent = 10,
    override: Override = "",
) -> None:
    check()
    show(steps.split(spec, version, because, str(percent), override))


@commands.command(help=step_help(steps.end), rich_help_panel=PANEL)
def end(spec: Spec) -> None:
    check()
    show(steps.end(spec))


@commands.command(help=step_help(steps.disagreements), rich_help_panel=PANEL)
def disagreements(spec: Spec, since: Since = "", until: Until = "") -> None:
    check(since=since, until=until)
    show(steps.disagreements(spec, since, until))


@commands.command(help=step_help(steps.score), rich_help_panel=PANEL)
def score(spec: Spec, transactions: Transactions = None) -> None:
    check()
    show(steps.score(spec, ",".join(transactions or [])))


@commands.command(help=step_help(steps.score_batch), rich_help_panel=PANEL)
def score_batch(spec: Spec, day: Day, version: VersionOption = "champion") -> None:
    check(day=day)
    show(steps.score_batch(spec, day, version))
