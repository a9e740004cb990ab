"""Tables as text: aligned columns, for a screen, a log of Airflow and a file alike."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.config.plain_text import one_line

# No line is wrapped: what reads a table may be a program, or a terminal that wraps itself.
WIDEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column's place on the line.

    Attributes:
        at_least: its width in characters, more when a cell is longer.
        is_right: whether cells stand at its right end, as numbers do.
        gap: spaces behind it.
    """

    at_least: int = 0
    is_right: bool = False
    gap: int = 2


LEFT, RIGHT = Column(), Column(is_right=True)


def format_table(
    rows: Iterable[Sequence[str]], columns: Sequence[Column] = (), *, indent: int = 0
) -> str:
    r"""Write rows below each other, one line each, without colours and without trailing spaces.

    Args:
        rows: their cells; a shorter row ends early. What steers a screen is escaped.
        columns: for the first cells; others stand left.
        indent: spaces before each line.

    >>> print(format_table([("", "rows"), ("new\n", "7"), ("all", "1,234")], [LEFT, RIGHT]))
            rows
    new\n      7
    all    1,234
    """
    cells = [[one_line(cell) for cell in row] for row in rows]
    count = max(map(len, cells), default=0)
    placed = [*columns[:count], *[LEFT] * (count - len(columns))]
    table = Table(box=None, show_header=False, pad_edge=False, padding=0)
    for column in placed:
        justify = "right" if column.is_right else "left"
        table.add_column(justify=justify, no_wrap=True, min_width=column.at_least)  # type: ignore[arg-type]
        table.add_column(width=column.gap)
    for row in cells:
        table.add_row(*(part for cell in row for part in (Text(cell), "")))
    screen = Console(
        file=io.StringIO(), width=WIDEST, color_system=None, force_terminal=False,
        force_jupyter=False, legacy_windows=False,
    )  # fmt: skip
    with screen.capture() as captured:
        screen.print(table)
    lines = captured.get().splitlines() if cells else []
    return "\n".join(f"{' ' * indent}{line}".rstrip() for line in lines)
