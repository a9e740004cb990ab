"""Commands of the nightly chain: the whole of it, and each of its steps by itself."""

from typing import Annotated

import typer

from pipelines import steps
from pipelines.cli.options import (
    AsOf,
    Author,
    Features,
    Form,
    Register,
    Run,
    Since,
    Snapshot,
    Spec,
    Study,
    TrainingSet,
    Until,
    Worker,
)
from pipelines.cli.output import check, show, show_lines, step_help

PANEL = "Nightly chain"
commands = typer.Typer()


@commands.command(rich_help_panel=PANEL)
def run(
    spec: Spec,
    as_of: AsOf,
    register: Annotated[
        bool | None,
        typer.Option(help="Whether the model is registered; else unless SPEC has overrides."),
    ] = None,
) -> None:
    """Run the nightly chain in this process, from the source to a registered challenger."""
    from pipelines.steps.chain import run_nightly

    ask = {None: "automatic", True: "yes", False: "no"}[register]
    show_lines(run_nightly(spec, as_of, ask=ask))


@commands.command(help=step_help(steps.configure), rich_help_panel=PANEL)
def configure(spec: Spec, form: Form = "") -> None:
    check()
    show(steps.configure(spec, form))


@commands.command(help=step_help(steps.ingest), rich_help_panel=PANEL)
def ingest(spec: Spec, as_of: AsOf) -> None:
    check(as_of=as_of)
    show(steps.ingest(spec, as_of))


@commands.command(help=step_help(steps.validate), rich_help_panel=PANEL)
def validate(spec: Spec, as_of: AsOf, snapshot: Snapshot = "") -> None:
    from pipelines.cli.latest import latest_snapshot

    check(as_of=as_of)
    show(steps.validate(spec, as_of, snapshot or latest_snapshot(spec)))


@commands.command(help=step_help(steps.build_features), rich_help_panel=PANEL)
def build_features(
    spec: Spec, as_of: AsOf, snapshot: Snapshot = "", since: Since = "", until: Until = ""
) -> None:
    from pipelines.cli.latest import latest_snapshot

    check(as_of=as_of, since=since, until=until)
    pinned = snapshot or latest_snapshot(spec)
    show(steps.build_features(spec, as_of, pinned, since, until))


@commands.command(help=step_help(steps.build_training_set), rich_help_panel=PANEL)
def build_training_set(
    spec: Spec, as_of: AsOf, snapshot: Snapshot = "", features: Features = ""
) -> None:
    from pipelines.cli.latest import latest_features, latest_snapshot

    check(as_of=as_of)
    pinned = snapshot or latest_snapshot(spec)
    show(steps.build_training_set(spec, as_of, pinned, features or latest_features(spec)))


@commands.command(help=step_help(steps.tune), rich_help_panel=PANEL)
def tune(spec: Spec, as_of: AsOf, training_set: TrainingSet = "", worker: Worker = 0) -> None:
    from pipelines.cli.latest import latest_training_set

    check(as_of=as_of)
    show(steps.tune(spec, as_of, training_set or latest_training_set(spec), str(worker)))


@commands.command(help=step_help(steps.train), rich_help_panel=PANEL)
def train(
    spec: Spec, as_of: AsOf, training_set: TrainingSet = "", study: Study = "", author: Author = ""
) -> None:
    from pipelines.cli.latest import latest_study, latest_training_set

    check(as_of=as_of)
    read = training_set or latest_training_set(spec)
    show(steps.train(spec, as_of, read, study or latest_study(spec, read), author))


@commands.command(help=step_help(steps.evaluate), rich_help_panel=PANEL)
def evaluate(spec: Spec, as_of: AsOf, training_set: TrainingSet = "", run: Run = "") -> None:
    from pipelines.cli.latest import latest_run, latest_training_set

    check(as_of=as_of)
    read = training_set or latest_training_set(spec)
    show(steps.evaluate(spec, as_of, read, run or latest_run(spec)))


@commands.command(help=step_help(steps.register), rich_help_panel=PANEL)
def register(spec: Spec, as_of: AsOf, run: Run = "", ask: Register = "yes") -> None:
    from pipelines.cli.latest import latest_run

    check(as_of=as_of)
    show(steps.register(spec, as_of, run or latest_run(spec), ask))
