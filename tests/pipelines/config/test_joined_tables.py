"""What is wrong with `[[source.tables]]` is said at once, with remedies."""

from pathlib import Path

import pytest

from expectations.contract import ProblemsError
from pipelines.config import ModelSpec, load_spec
from pipelines.features.catalogue import list_features

SPEC = """
[source]
path = "cards.parquet"
[source.roles]
transaction_id = "id"
event_time = "at"
amount = "amount"
[source.entities]
customer_id = "customer"
[source.attributes]
channel = { column = "channel", kind = "categorical" }
height = { column = "height", kind = "numeric" }
"""
LABELS = """
[labels]
column = "fraud"
delay = "7d"
maturity = "7d"
"""
TABLE = """
[[source.tables]]
name = "customers"
path = "customers.csv"
format = "csv"
key = {key}
{more}
[source.tables.attributes]
{name} = {{ column = "{column}", kind = "categorical" }}
"""


def table(
    key: str = '"customer_id"', *, name: str = "segment", column: str = "segment", more: str = ""
) -> str:
    return TABLE.format(key=key, name=name, column=column, more=more)


def load(folder: Path, tables: str, more: str = "") -> ModelSpec:
    (folder / "cards.toml").write_text(SPEC + tables + LABELS + more)
    return load_spec(str(folder / "cards.toml"))


def test_joined_attributes_are_attributes_behind_those_of_the_source(tmp_path: Path) -> None:
    spec = load(tmp_path, table(), '[contract]\nallowed = { segment = ["young"] }\n')
    kinds = {"channel": "categorical", "height": "numeric", "segment": "categorical"}
    assert spec.attribute_kinds() == kinds
    assert list(spec.source.columns()) == [
        "transaction_id", "event_time", "amount", "customer_id", "channel", "height",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "columns"),
    [
        ('"customer_id"', {"customer_id": "customer_id"}),
        ('["customer_id", "channel"]', {"customer_id": "customer_id", "channel": "channel"}),
        ('{ channel = "way" }', {"channel": "way"}),
    ],
)
def test_a_key_is_a_name_a_list_or_a_mapping(
    tmp_path: Path, key: str, columns: dict[str, str]
) -> None:
    assert load(tmp_path, table(key)).source.tables[0].key_columns() == columns


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        (table('"terminal_id"'), "no id, entity or category 'terminal_id'; give one of "),
        (table('"height"'), "no id, entity or category 'height'; give one of "),
        (
            table("[]"),
            "source.tables.customers.key: empty; give one of transaction_id, customer_id",
        ),
        (table('["customer_id", "customer_id"]'), "a name stands there twice; write each once"),
        (table('["transaction_id", "customer_id"]'), "transaction_id alone names a transaction"),
        (table(name="channel"), "attributes.channel: the name is used twice or reserved"),
        (table(name="Height"), "attributes.Height: the name is used twice or reserved"),
        (table(name="amount"), "attributes.amount: the name is used twice or reserved"),
        (table() + table(), "customers.name: another table has this name"),
        (table(column="customer_id"), "'customer_id' is the key, which a row has; remove it"),
        (table('"transaction_id"', more='max_age = "2d"'), "known with their transaction; remove"),
        (table(more='path2 = "x"'), "source.tables.0.path2: unknown key; remove it"),
        (table(more='thousands_mark = "."'), "thousands_mark: '.' is the decimal mark too"),
        (table(more='known_time = { column = "x", unit = "y" }'), "source.tables.0.known_time"),
    ],
)
def test_a_wrong_table_is_told_with_its_remedy(tmp_path: Path, tables: str, problem: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        load(tmp_path, tables)
    assert any(problem in line for line in caught.value.problems), caught.value.problems


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError) as caught:
        load(tmp_path, table('"terminal_id"', name="amount", column="terminal_id"))
    assert len(caught.value.problems) == 3


def test_features_may_read_a_joined_attribute_of_a_faulty_spec_too(tmp_path: Path) -> None:
    windows = """
[[features.windows]]
entity = "customer_id"
measure = "nothing"
aggregates = ["mean"]
windows = ["7d"]
[[features.derived]]
name = "young"
sql = "segment = 'young'"
"""
    with pytest.raises(ProblemsError) as caught:
        load(tmp_path, table(more='path2 = "x"'), windows)
    assert not any("segment" in line for line in caught.value.problems)
    assert any("nothing" in line for line in caught.value.problems)


def test_the_catalogue_says_where_a_joined_attribute_comes_from(tmp_path: Path) -> None:
    load(tmp_path, table('{ customer_id = "number" }', column="class"))
    assert list_features(str(tmp_path / "cards.toml")) == (
        "segment\n"
        "    class of the newest row of customers that is known at the time of the transaction\n"
        "    reads customer_id\n"
        "    null without such a row\n"
        "0 features"
    )
