"""Commands about this installation: its state, a first spec, simulated data, its services."""

from typing import Annotated

import typer

from pipelines import steps
from pipelines.cli.options import Spec
from pipelines.cli.output import check, show, show_lines, step_help

PANEL = "Installation"
commands = typer.Typer()


@commands.command(help=step_help(steps.status), rich_help_panel=PANEL)
def status(spec: Spec = "") -> None:
    check()
    show(steps.status(spec))


@commands.command(rich_help_panel=PANEL)
def doctor(spec: Spec) -> None:
    """Say what of a spec, its source and this installation is not in order, all at once."""
    from pipelines.local import examine

    show_lines(examine(spec))


@commands.command(rich_help_panel=PANEL)
def new(
    name: Annotated[str, typer.Argument(help="Name of the spec to write.")],
    source: Annotated[
        str,
        typer.Option(
            "--from", help="File, folder or s3:// URL of transactions: Parquet, CSV, JSON, Delta."
        ),
    ],
    labels: Annotated[
        str | None,
        typer.Option("--labels", help="File of fraud reports, where the label is no column."),
    ] = None,
) -> None:
    """Write a first spec by looking at a file of transactions."""
    from pipelines.local import draft_spec

    show(draft_spec(name, source, labels=labels))


@commands.command(rich_help_panel=PANEL)
def simulate(
    days: Annotated[int, typer.Option(min=1, max=3650)] = 90,
    customers: Annotated[int, typer.Option(min=20, max=1_000_000)] = 1230,
    seed: Annotated[int, typer.Option(min=0)] = 7,
) -> None:
    """Simulate card transactions and fraud reports for the spec `demo`, from 2025-01-01 on."""
    from pipelines.local import simulate_source

    show(simulate_source(days=days, customers=customers, seed=seed))


@commands.command(rich_help_panel=PANEL)
def demo(
    days: Annotated[int, typer.Option(min=70, max=3650)] = 90,
    customers: Annotated[int, typer.Option(min=100, max=1_000_000)] = 1230,
) -> None:
    """Run the whole chain on simulated data: Airflow, review, deployment, five scores."""
    from pipelines.local import run_demo

    show_lines(run_demo(days=days, customers=customers))


@commands.command(rich_help_panel=PANEL)
def up() -> None:
    """Start Airflow, the MLflow server, the embedded SageMaker and the Data Docs, until Ctrl-C."""
    from pipelines.local import serve_stack

    show_lines(serve_stack())
