"""training/README.md lists every key of `[training]` and `[gate]` as the models have them."""

import re

import pytest

from expectations.contract import FrozenModel
from tests.training.policy_table import README, TABLES, default, meanings, render

ROWS = dict(
    re.findall(r"^\| `((?:training|gate)\.[\w.]+)` \| (.*?) \|", README.read_text("utf-8"), re.M)
)


@pytest.mark.parametrize("table", TABLES)
def test_every_key_is_listed_with_its_default_and_a_meaning(table: str) -> None:
    model: type[FrozenModel] = TABLES[table]
    for name, field in model.model_fields.items():
        if f"{table}.{name}" in TABLES:
            continue
        assert ROWS[f"{table}.{name}"] == default(field), name
        assert meanings(model)[name], name


def test_no_key_is_listed_that_is_none() -> None:
    known = {f"{table}.{name}" for table, model in TABLES.items() for name in model.model_fields}
    assert ROWS.keys() <= known


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("training.train_window", '`"28d"`'), ("training.trials", "`20`"),
        ("training.columns", "none"), ("training.exclude_detected", "none"),
        ("training.review.cost", "`5.0`"), ("training.threshold", '`"alert_rate"`'),
        ("gate.margin", "`0.02`"), ("gate.resamples", "`1000`"),
    ],
)  # fmt: skip
def test_some_defaults_by_hand(key: str, told: str) -> None:
    assert ROWS[key] == told


def test_the_table_is_that_of_the_models() -> None:
    told = "python -m tests.training.policy_table writes it"
    assert render() in README.read_text(encoding="utf-8"), told
