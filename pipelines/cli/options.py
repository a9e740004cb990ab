"""Arguments and options that several commands have, with their help texts."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Spec = Annotated[
    str,
    typer.Argument(help="Name or path of the spec, with overrides behind '?'.", show_default=False),
]
AsOf = Annotated[
    str,
    typer.Option(
        help="Knowledge time, such as 2018-08-08; nothing known later is used.", show_default=False
    ),
]
_VERSION = "Number or alias of a model version."
Version = Annotated[str, typer.Argument(help=_VERSION, show_default=False)]
VersionOption = Annotated[str, typer.Option("--version", help=_VERSION, show_default=False)]

# References of the nightly chain: without one, the command takes the newest that there is.
Snapshot = Annotated[
    str,
    typer.Option(
        help="Versions of transactions and labels; without it the newest.", show_default=False
    ),
]
Features = Annotated[
    str,
    typer.Option(help="Version of the feature table; without it the newest.", show_default=False),
]
TrainingSet = Annotated[
    str,
    typer.Option(help="Version of the training set; without it the newest.", show_default=False),
]
Study = Annotated[
    str,
    typer.Option(help="Tuning study; without it the one of the training set.", show_default=False),
]
Run = Annotated[
    str, typer.Option(help="MLflow run; without it the newest of the spec.", show_default=False)
]

Since = Annotated[
    str,
    typer.Option(
        "--from",
        help="First day; without it, from the earliest that there is.",
        show_default=False,
    ),
]
Until = Annotated[
    str,
    typer.Option(
        "--to",
        help="Day after the last one; without it, to the latest that there is.",
        show_default=False,
    ),
]
Day = Annotated[str, typer.Option(help="An event day, such as 2018-08-08.", show_default=False)]

Because = Annotated[
    str, typer.Option(help="The reason, kept in the decision log.", show_default=False)
]
Override = Annotated[
    str,
    typer.Option(help="Why the refusal of the gate is set aside; recorded.", show_default=False),
]
Author = Annotated[
    str, typer.Option(help="Who asked for the model; without it, you.", show_default=False)
]
Register = Annotated[
    Literal["yes", "no", "automatic"],
    typer.Option(
        "--ask", help="Whether to register: yes, no, or automatic (unless SPEC has overrides)."
    ),
]
Worker = Annotated[
    int,
    typer.Option(min=0, help="Number of this worker among training.trials_workers, from 0."),
]
Form = Annotated[
    str, typer.Option(help="What the form of a run asks for, as JSON.", show_default=False)
]
Choice = Annotated[
    Literal["approve", "reject", "later"], typer.Option(help="approve, reject or later.")
]
By = Annotated[
    str,
    typer.Option(help="Who answered, as Airflow knows the reviewer.", show_default=False),
]

DryRun = Annotated[
    Literal["yes", "no", "true", "false"],
    typer.Option(case_sensitive=False, help="yes: stop before anything is changed."),
]
Outcome = Annotated[str, typer.Option(help="What verify returned.", show_default=False)]
_PERCENT = "Share of the traffic, in percent."
ShadowPercent = Annotated[int, typer.Option(min=1, max=100, help=_PERCENT)]
SplitPercent = Annotated[int, typer.Option(min=1, max=99, help=_PERCENT)]
Traffic = Annotated[
    Path | None,
    typer.Option(help="File of captured requests; without it the newest rows of the lake."),
]
Transactions = Annotated[
    list[str] | None,
    typer.Option(
        "--transaction",
        help="Id of a transaction; may be repeated; without it the newest five.",
    ),
]
