"""The list of commands in the help text, under one heading for each group."""

from typing import Any

from typer.core import TyperGroup

REST = "Other commands"


class GroupedCommands(TyperGroup):
    """Commands by the panel that each names; the order is that in which they were declared."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each panel, all with one width of the names."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        shown = {n: c for n, c in commands.items() if c is not None and not c.hidden}
        widest = max(map(len, shown), default=0)
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in shown.items():
            text = command.get_short_help_str(formatter.width - 6 - widest)
            panel = getattr(command, "rich_help_panel", None) or REST
            sections.setdefault(str(panel), []).append((name.ljust(widest), text))
        for panel, rows in sections.items():
            with formatter.section(panel):
                formatter.write_dl(rows)
