"""The reference of the spec: every key, with what it means."""

from datetime import timedelta
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from docs.site.spec_keys import default_words, meanings, own_keys, render, spec_tables, type_words
from pipelines.config import EXAMPLES, ModelSpec, load_spec

TABLES = {table.header: table.model for table in spec_tables()}


def test_the_tables_of_a_spec_by_hand() -> None:
    assert {
        "", "[source]", "[source.roles]", "[source.attributes.NAME]", "[labels]", "[features]",
        "[[features.conditions]]", "[[features.windows]]", "[[features.links]]",
        "[[features.derived]]", "[contract]", "[contract.amount]", "[contract.trailing]",
        "[[contract.expectations]]", "[training]", "[training.review]", "[gate]", "[approval]",
        "[endpoint]", "[endpoint.watch]", "[schedule]",
    } <= TABLES.keys()  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
def test_every_key_has_a_meaning(table: str) -> None:
    said = meanings(TABLES[table])
    for name in own_keys(TABLES[table]):
        assert said.get(name), f"{table} {name}: say what it means under Attributes"


@pytest.mark.parametrize("table", TABLES)
def test_nothing_is_explained_that_is_no_key(table: str) -> None:
    assert meanings(TABLES[table]).keys() <= TABLES[table].model_fields.keys()


@pytest.mark.parametrize("name", ["demo", str(EXAMPLES / "handbook.toml")])
def test_every_key_of_a_whole_spec_is_in_the_reference(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERNIGHT_HOME", "home")
    text = render()

    def keys(value: object, path: str) -> set[str]:
        if isinstance(value, BaseModel):
            found = set()
            for field in type(value).model_fields:
                found |= keys(getattr(value, field), f"{path}.{field}".strip("."))
            return found
        if isinstance(value, str):
            return {path}
        if isinstance(value, dict) and any(isinstance(v, BaseModel) for v in value.values()):
            return {k for v in value.values() for k in keys(v, f"{path}.NAME")}
        if isinstance(value, tuple) and any(isinstance(v, BaseModel) for v in value):
            return {k for v in value for k in keys(v, path)}
        tables = any(header.strip("[]") in {path, f"{path}.NAME"} for header in TABLES if header)
        return set() if tables else {path}

    declared = keys(load_spec(name), "")
    assert {"source.path", "features.windows.entity", "gate.margin"} <= declared
    for key in declared:
        assert f"| `{key}` |" in text, key


@pytest.mark.parametrize(
    "row",
    [
        '| `training.train_window` | duration | `"28d"` | days that a model is trained on. |',
        '| `gate.require` | `"not_worse"` or `"better"` | `"not_worse"` |',
        "| `gate.margin` | number, from 0 below 1 | `0.02` |",
        "| `endpoint.canary_percent` | whole number, from 5 to 50 | `10` |",
        "| `source.roles.amount` | text | required |",
        "| `source.roles.event_time` | text or table | required |",
        "| `labels.known_time` | text or table | none |",
        "| `source.roles.event_time.start` | date or time | `1970-01-01` |",
        '| `source.types` | table of: `"text"` or `"integer"` | none |',
        "| `labels.true_values` | list of: text | none |",
        "| `approval.four_eyes` | `true` or `false` | `true` |",
        "| `contract.freshness` | duration | none |",
        "| `schedule.as_of` | date | none |",
        "| `training.trials` | whole number, from 1 | `20` |",
        "| `training.columns` | list of: text | none |",
        "| `training.exclude_detected` | text | none |",
        "| `training.review.cost` | number, from 0 | `5.0` |",
        "| `gate.resamples` | whole number, from 200 to 100000 | `1000` |",
    ],
)
def test_some_rows_by_hand(row: str) -> None:
    assert row in render()


def test_types_in_words() -> None:
    share = Annotated[float, Field(gt=0, le=1)]
    assert type_words(share) == "number, above 0 to 1"
    assert type_words(tuple[Literal["a", "b"], ...]) == 'list of: `"a"` or `"b"`'
    assert type_words(dict[str, tuple[str, ...]]) == "table of: list of: text"
    assert type_words(timedelta | None) == "duration"


def test_the_name_is_that_of_the_file() -> None:
    assert default_words(ModelSpec.model_fields["name"]) == "the file's name"
