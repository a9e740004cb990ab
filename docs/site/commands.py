"""The reference of the command line, made from the commands themselves."""

import inspect
import re

from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from pipelines.cli.app import app

LEFT_OUT = "--help"


def render() -> str:
    """Write a heading, the use, the help and a table of the options for each command, by group."""
    groups: dict[str, list[str]] = {}
    for name, command in all_commands().items():
        groups.setdefault(str(command.rich_help_panel or ""), []).append(_render(name, command))
    return "\n\n".join(
        "\n\n".join([*([f"## {panel}"] if panel else []), *commands])
        for panel, commands in groups.items()
    )


def all_commands() -> dict[str, TyperCommand]:
    """Every command by its name, in the order of `overnight --help`."""
    group = get_command(app)
    found = group.commands if isinstance(group, TyperGroup) else {}
    return {name: each for name, each in found.items() if isinstance(each, TyperCommand)}


def _render(name: str, command: TyperCommand) -> str:
    context = command.make_context(name, [], resilient_parsing=True)
    pieces = (re.sub("[{}]", "", piece).upper() for piece in command.collect_usage_pieces(context))
    usage = " ".join(["overnight", name, *pieces])
    told = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    rows = [
        f"| `{_in_cell(record[0])}` | {_in_cell(record[1])} |"
        for record in told
        if record is not None and record[0] != LEFT_OUT
    ]
    head = ["| argument or option | meaning |", "|---|---|"] if rows else []
    text = inspect.cleandoc(command.help or "")
    return "\n".join([f"### {name}", "", "```text", usage, "```", "", text, "", *head, *rows])


def _in_cell(text: str) -> str:
    return text.replace("|", "\\|")
