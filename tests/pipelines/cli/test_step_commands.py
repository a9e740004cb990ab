"""The commands written out by hand offer what the steps take: the same names, the same defaults."""

import inspect

import pytest
import typer
from typer.testing import CliRunner

from expectations.contract import InputError
from pipelines import steps
from pipelines.cli.app import app

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group has them
# What a step is handed by the one before it; a person may leave it out and gets the newest.
HANDED_ON = {"snapshot", "features", "training_set", "study", "run"}
RENAMED = {"since": "--from", "until": "--to", "transactions": "--transaction"}


def as_text(value: object) -> str:
    """A default as the step spells it: nothing given is the empty text."""
    return "" if value is None or value == [] else str(value)


@pytest.mark.parametrize("step", steps.EVERY_STEP, ids=lambda step: step.__name__)
def test_a_step_has_a_command_with_its_parameters_and_defaults(step) -> None:
    command = COMMANDS[step.__name__.replace("_", "-")]
    offered = {each.name: each for each in command.params if each.name != "help"}
    taken = inspect.signature(step).parameters
    assert list(offered) == list(taken)
    for name, parameter in taken.items():
        if parameter.default is inspect.Parameter.empty and name not in HANDED_ON:
            assert offered[name].required, name
        else:
            given = "" if name in HANDED_ON else parameter.default
            spelled = {"no": ""}.get(as_text(offered[name].default), as_text(offered[name].default))
            assert spelled == given, name
        option = RENAMED.get(name, f"--{name.replace('_', '-')}")
        assert offered[name].opts in ([option], [name])


@pytest.mark.parametrize("step", steps.EVERY_STEP, ids=lambda step: step.__name__)
def test_the_spec_and_the_version_decided_about_are_arguments(step) -> None:
    kinds = {p.name: p.param_type_name for p in COMMANDS[step.__name__.replace("_", "-")].params}
    assert kinds["spec"] == "argument"
    by_option = {"rehearse", "score_batch"}
    if "version" in kinds:
        assert kinds["version"] == ("option" if step.__name__ in by_option else "argument")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("shadow demo 7 --percent 101", "--percent': Input should be less than or equal to 100"),
        ("shadow demo 7 --percent 0", "--percent': Input should be greater than or equal to 1"),
        (
            "split demo 7 --because x --percent 100",
            "--percent': Input should be less than or equal to 99",
        ),
        ("split demo 7 --because x --percent half", "--percent': Input should be a valid integer"),
        (
            "tune demo --as-of 2025-04-01 --worker -1",
            "--worker': Input should be greater than or equal to 0",
        ),
        ("register demo --as-of 2025-04-01 --ask maybe", "'maybe' is not one of 'yes', 'no'"),
        ("roll-out demo 7 --dry-run maybe", "'maybe' is not one of 'yes', 'no'"),
        ("answer demo 7 --choice perhaps --because x --by rita", "'perhaps' is not one of"),
    ],
)
def test_a_value_that_an_option_does_not_take_ends_with_2(line: str, said: str) -> None:
    ran = CliRunner().invoke(app, line.split(), env={"COLUMNS": "200"})
    assert ran.exit_code == 2
    assert said in " ".join(ran.output.split())


@pytest.mark.parametrize(
    "line",
    [
        "shadow nosuch 7", "shadow nosuch 7 --percent 100", "roll-out nosuch 7 --dry-run yes",
        "roll-out nosuch 7 --dry-run true", "roll-out nosuch --dry-run YES",
        "split nosuch 7 --because fine --percent 99", "deploy nosuch", "deploy nosuch 7",
        "score nosuch --transaction 1 --transaction 2", "status nosuch",
        "rehearse nosuch --version 7 --traffic here/captured.jsonl",
        "score-batch nosuch --day 2025-03-01",
        "answer nosuch 7 --choice later --because x --by rita",
        "disagreements nosuch --from 2025-03-01 --to 2025-03-02",
    ],
)  # fmt: skip
@pytest.mark.usefixtures("home")
def test_a_command_line_in_use_reaches_its_step(line: str) -> None:
    ran = CliRunner().invoke(app, line.split())
    assert isinstance(ran.exception, InputError), ran.output
    assert "There is no spec 'nosuch'" in str(ran.exception)


def test_the_help_lists_every_command_once_below_a_heading() -> None:
    text = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "100"}).output
    sections = text.split("\n\n")[3:]
    headings = [section.splitlines()[0] for section in sections]
    assert headings == [
        "Nightly chain:", "Review:", "Deployment:", "Data and tests over time:", "Installation:",
    ]  # fmt: skip
    listed = [line.split()[0] for section in sections for line in section.splitlines()[1:]]
    assert sorted(listed) == sorted(COMMANDS)
