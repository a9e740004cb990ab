"""Commands about the data of a spec: its features, its lake, tests over time."""

from typing import Annotated

import typer

from pipelines import steps
from pipelines.cli.options import AsOf, Because, Spec
from pipelines.cli.output import check, show, step_help

PANEL = "Data and tests over time"
commands = typer.Typer()


@commands.command(rich_help_panel=PANEL)
def features(
    spec: Spec,
    plan: Annotated[  # noqa: FBT002 -- a flag of the command line
        bool, typer.Option("--plan", help="What a build would compute now, and nothing else.")
    ] = False,
) -> None:
    """List every feature: its meaning, what it reads, when it is null."""
    from pipelines.features import list_features, plan_feature_table

    if plan:
        show(plan_feature_table(spec))
        return
    show(list_features(spec))


@commands.command(rich_help_panel=PANEL)
def quarantine(
    spec: Spec,
    rule: Annotated[str, typer.Option(help="Only rows that broke this rule.")] = "",
    day: Annotated[str, typer.Option(help="Only rows of this event day, or unknown.")] = "",
    show_rows: Annotated[int, typer.Option("--show", min=0, help="How many rows to show.")] = 0,
    replay: Annotated[  # noqa: FBT002 -- a flag of the command line
        bool, typer.Option("--replay", help="Judge all again under the present contract.")
    ] = False,
) -> None:
    """Count the quarantined rows by delivery and rule, show some, or replay them after a fix."""
    from pipelines.ingestion import replay_quarantine, show_quarantine

    show(replay_quarantine(spec) if replay else show_quarantine(spec, rule, day, show_rows))


@commands.command(help=step_help(steps.check_lake), rich_help_panel=PANEL)
def check_lake(spec: Spec) -> None:
    check()
    show(steps.check_lake(spec))


@commands.command(rich_help_panel=PANEL)
def restate(spec: Spec, because: Because) -> None:
    """File what is new in the source in place of all filed versions of its transactions.

    For a delivery that repairs an error of the pipeline, such as a wrong clock or unit: it changes
    what is computed of the past. A correction of the source needs no command.
    """
    from pipelines.governance import restate_delivery

    show(restate_delivery(spec, because))


@commands.command(rich_help_panel=PANEL)
def repair(spec: Spec) -> None:
    """Write damaged files of transactions, labels and quarantine again, from the source."""
    from pipelines.ingestion import repair_tables

    show(repair_tables(spec))


@commands.command(rich_help_panel=PANEL)
def prove_no_leak(spec: Spec, as_of: AsOf) -> None:
    """Build as of a date, add later rows and labels, build again, compare every column."""
    from pipelines.features import prove_no_leak as prove
    from pipelines.steps.dates import refuse_dates

    refuse_dates({"as_of": as_of})
    show(prove(spec, as_of))


@commands.command(rich_help_panel=PANEL)
def backtest(
    spec: Spec,
    as_of: AsOf,
    weeks: Annotated[int, typer.Option(min=1, max=52, help="How many, ending at --as-of.")] = 4,
) -> None:
    """Train and test as of several dates a week apart, and show the metrics of each."""
    from pipelines.backtesting import run_backtest
    from pipelines.steps.dates import refuse_dates

    refuse_dates({"as_of": as_of})
    show(run_backtest(spec, as_of, weeks=weeks))
