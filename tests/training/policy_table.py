"""The table of every key of `[training]` and `[gate]`, made from the models and their docstrings.

`python -m tests.training.policy_table` writes it into training/README.md.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from expectations.contract import FrozenModel, format_duration
from training.lightgbm_policy import LightGBMPolicy
from training.policy import GatePolicy, ReviewPolicy, TrainingPolicy

README = Path(__file__).parents[2] / "training/README.md"
TABLES: dict[str, type[FrozenModel]] = {
    "training": TrainingPolicy, "training.lightgbm": LightGBMPolicy,
    "training.review": ReviewPolicy, "gate": GatePolicy,
}  # fmt: skip
BEGIN, END = "| key | default | value | meaning |\n", "\n\n"
UNITS = {
    "max_latency_ms": "ms", "cost": "in the currency of `amount`", "train_window": "days",
    "max_calibration_factor": "factor",
}  # fmt: skip


def render() -> str:
    """The table, with its head."""
    rows = [row for table, model in TABLES.items() for row in _rows(table, model)]
    return f"{BEGIN}|---|---|---|---|\n" + "\n".join(rows)


def _rows(table: str, model: type[FrozenModel]) -> Iterator[str]:
    told = meanings(model)
    for name, field in model.model_fields.items():
        if f"{table}.{name}" in TABLES:
            continue  # its own keys stand below
        yield f"| `{table}.{name}` | {default(field)} | {_value(name, field)} | {told[name]} |"


def meanings(model: type[FrozenModel]) -> dict[str, str]:
    """What a model's docstring says of each field, on one line."""
    _, _, listed = (inspect.getdoc(model) or "").partition("Attributes:\n")
    found = re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", listed, re.M)
    return {name: " ".join(text.split()) for name, text in found}


def default(field: FieldInfo) -> str:
    """As it is written in a spec."""
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}):
        return "none"
    return f"`{_spelled(value)}`"


def _spelled(value: object) -> str:
    if isinstance(value, timedelta):
        return f'"{format_duration(value)}"'
    return f'"{value}"' if isinstance(value, str) else f"{value}"


def _value(name: str, field: FieldInfo) -> str:
    kind = str(field.annotation)
    parts: list[Any] = [field.annotation, *get_args(field.annotation)]
    if "Literal" in kind:
        return " or ".join(f'`"{each}"`' for each in get_args(field.annotation))
    if "timedelta" in kind:
        return 'list of durations, `["28d"]`' if "tuple" in kind else "duration"
    if "tuple" in kind:
        return "list of names"
    if "dict" in kind:
        return "table of numbers"
    if "str" in kind or bool in parts:
        return "name" if "str" in kind else "`true` or `false`"
    whole = "whole number" if int in parts else "number"
    return ", ".join(part for part in (whole, UNITS.get(name, ""), _bounds(field)) if part)


def _bounds(field: FieldInfo) -> str:
    said = []
    for rule in field.metadata:
        for kind, word in ((Ge, "from"), (Gt, "above"), (Le, "to"), (Lt, "below")):
            if isinstance(rule, kind):
                limit = getattr(rule, kind.__name__.lower())
                said.append(f"{word} {limit}")
    return " ".join(said)


def main() -> int:
    """Write the table into the page."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{render()}{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
