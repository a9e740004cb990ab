"""The command line: every step by itself, the chain, and what sets an installation up.

Step commands are made from the functions of `pipelines.steps.nightly`; nothing heavy is imported
before a command runs, so that help appears at once.
"""

import inspect
import logging
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer

from pipelines import steps

app = typer.Typer(
    name="overnight",
    help="Retrains, checks, reviews and ships fraud models every night.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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


HELP = {
    "spec": "Name or path of the spec, with overrides behind '?'.",
    "as_of": "Knowledge time, such as 2018-08-08; nothing known later is used.",
    "version": "Number or alias of a model version.",
    "because": "The reason, kept in the decision chain.",
    "override": "Why the refusal of the gate is set aside; recorded.",
    "transactions": "Id of a transaction; may be repeated; without it the newest five.",
    "dry_run": "yes: stop before anything is changed.",
    "outcome": "What verify returned.",
    "percent": "Share of the traffic, in percent.",
    "day": "An event day, such as 2018-08-08.",
    "traffic": "File of captured requests; without it the newest rows of the lake.",
    "snapshot": "Versions of transactions and labels; without it the newest.",
    "features": "Version of the feature table; without it the newest.",
    "training_set": "Version of the training set; without it the newest.",
    "study": "Tuning study; without it the one of the training set.",
    "since": "First day; without it, from the earliest that there is.",
    "until": "Day after the last one; without it, to the latest that there is.",
    "run": "MLflow run; without it the newest of the spec.",
    "author": "Who asked for the model; without it, you.",
    "ask": "Whether to register: yes, no, or automatic (unless SPEC has overrides).",
    "form": "What the form of a run asks for, as JSON.",
    "choice": "approve, reject or later.",
    "by": "Who answered, as Airflow knows the reviewer.",
    "worker": "Number of this worker among training.trials_workers, from 0.",
}
POSITIONAL = ("spec", "version")
# Of these a version is one thing among others.
BY_OPTION = {("rehearse", "version"), ("score_batch", "version")}
SPELLED = {"since": "--from", "until": "--to", "transactions": "--transaction"}
REPEATED = ("transactions",)


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
    for room in ("pipelines", "feature_jobs", "training", "expectations", "infra"):
        logging.getLogger(room).setLevel(logging.INFO)
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


def _command_of(step: Callable[..., str]) -> Callable[..., None]:
    """A function that typer can read, with the step's parameters and docstring."""
    parameters = []
    for name, given in inspect.signature(step).parameters.items():
        if name in POSITIONAL and (step.__name__, name) not in BY_OPTION:
            kind: object = typer.Argument(help=HELP[name], show_default=False)
        else:
            names = [SPELLED[name]] if name in SPELLED else []
            kind = typer.Option(*names, help=HELP[name], show_default=False)
        optional = name in steps.NIGHTLY.values() and name not in POSITIONAL
        default: object = "" if optional else given.default
        held: object = str
        if name in REPEATED:
            held, default = list[str], []
        parameters.append(
            given.replace(
                kind=inspect.Parameter.KEYWORD_ONLY,
                annotation=Annotated[held, kind],
                default=default,
            )
        )

    def command(**given: str | list[str]) -> None:
        from pipelines.cli.latest import fill_newest
        from pipelines.config import plain_lines
        from pipelines.steps.dates import refuse_dates

        told = {n: v if isinstance(v, str) else ",".join(v) for n, v in given.items()}
        refuse_dates(told)
        typer.echo(plain_lines(step(**fill_newest(told))))

    command.__doc__ = inspect.cleandoc(str(step.__doc__))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


for _step in dict.fromkeys(
    (*steps.OPENING, *steps.NIGHTLY, *steps.DEPLOY, *steps.REVIEW, *steps.BY_HAND)
):
    app.command(_step.__name__.replace("_", "-"))(_command_of(_step))

Spec = Annotated[str, typer.Argument(help=HELP["spec"], show_default=False)]
AsOf = Annotated[str, typer.Option(help=HELP["as_of"], show_default=False)]


@app.command()
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
    for line in run_nightly(spec, as_of, ask=ask):
        typer.echo(line)


@app.command()
def compare(
    spec: Spec,
    runs: Annotated[list[str], typer.Argument(help="Runs, version numbers or aliases.")],
) -> None:
    """Show what differs between runs of a spec: data, parameters, metrics, the gate's answer."""
    from pipelines.cli.compare import compare_runs

    typer.echo(compare_runs(spec, runs))


@app.command()
def simulate(
    days: Annotated[int, typer.Option(min=1, max=3650)] = 90,
    customers: Annotated[int, typer.Option(min=20, max=1_000_000)] = 1230,
    seed: Annotated[int, typer.Option(min=0)] = 7,
) -> None:
    """Simulate card transactions and fraud reports for the spec `demo`, from 2025-01-01 on."""
    from pipelines.local.demo import simulate_source

    typer.echo(simulate_source(days=days, customers=customers, seed=seed))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the spec to write.")],
    source: Annotated[
        str, typer.Option("--from", help="Parquet or CSV file with transactions, or its s3:// URL.")
    ],
) -> None:
    """Write a first spec by looking at a file of transactions."""
    from pipelines.local.draft import draft_spec

    typer.echo(draft_spec(name, source))


@app.command()
def doctor(spec: Spec) -> None:
    """Say what of a spec, its source and this installation is not in order, all at once."""
    from pipelines.local.doctor import examine

    for line in examine(spec):
        typer.echo(line)


@app.command()
def features(
    spec: Spec,
    plan: Annotated[  # noqa: FBT002 -- a flag of the command line
        bool, typer.Option("--plan", help="What a build would compute now, and nothing else.")
    ] = False,
) -> None:
    """List every feature: its meaning, what it reads, when it is null."""
    from pipelines.features import list_features

    if plan:
        from pipelines.features import plan_feature_table

        typer.echo(plan_feature_table(spec))
        return
    typer.echo(list_features(spec))


@app.command()
def quarantine(
    spec: Spec,
    rule: Annotated[str, typer.Option(help="Only rows that broke this rule.")] = "",
    day: Annotated[str, typer.Option(help="Only rows of this event day, or unknown.")] = "",
    show: Annotated[int, typer.Option(min=0, help="How many rows to show.")] = 0,
    replay: Annotated[  # noqa: FBT002 -- a flag of the command line
        bool, typer.Option("--replay", help="Judge all again under the present contract.")
    ] = False,
) -> None:
    """Count the quarantined rows by delivery and rule, show some, or replay them after a fix."""
    from pipelines.ingestion import replay_quarantine, show_quarantine

    shown = replay_quarantine(spec) if replay else show_quarantine(spec, rule, day, show)
    typer.echo(shown)


@app.command()
def prove_no_leak(spec: Spec, as_of: AsOf) -> None:
    """Build as of a date, add later rows and labels, build again, compare every column."""
    from pipelines.features import prove_no_leak as prove
    from pipelines.steps.dates import refuse_dates

    refuse_dates({"as_of": as_of})
    typer.echo(prove(spec, as_of))


@app.command()
def backtest(
    spec: Spec,
    as_of: AsOf,
    weeks: Annotated[int, typer.Option(min=1, max=52, help="How many, ending at --as-of.")] = 4,
) -> None:
    """Train and test as of several dates a week apart, and show the metrics of each."""
    from pipelines.backtesting import run_backtest
    from pipelines.steps.dates import refuse_dates

    refuse_dates({"as_of": as_of})
    typer.echo(run_backtest(spec, as_of, weeks=weeks))


@app.command()
def demo(
    days: Annotated[int, typer.Option(min=70, max=3650)] = 90,
    customers: Annotated[int, typer.Option(min=100, max=1_000_000)] = 1230,
) -> None:
    """Run the whole chain on simulated data: Airflow, review, deployment, five scores."""
    from pipelines.local.demo import run_demo

    for line in run_demo(days=days, customers=customers):
        typer.echo(line)


@app.command()
def up() -> None:
    """Start Airflow, the MLflow server, the embedded SageMaker and the Data Docs, until Ctrl-C."""
    from pipelines.local.up import serve_stack

    for line in serve_stack():
        typer.echo(line)
