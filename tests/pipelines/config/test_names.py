"""Names in a spec, and columns of a source that are named otherwise."""

import math
import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.contract import ProblemsError
from pipelines.config.spec import load_spec
from pipelines.local.draft import draft_spec
from tests.pipelines.config.conftest import Write
from tests.pipelines.config.test_spec import GOOD

NAMES = ["a b", "1st", "größe", "<svg onload=x>", 'a"b', "a`b", "a.b", "", "a-b", "a\nb", "a" * 64]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["source.entities", "source.attributes"])
def test_a_canonical_name_is_of_letters_digits_and_underscores(
    write: Write, place: str, name: str
) -> None:
    quoted = name.replace('"', '\\"').replace("\n", "\\n")
    value = '"x"' if place == "source.entities" else '{ column = "x", kind = "numeric" }'
    text = GOOD.replace("[labels]", f'[{place}]\n"{quoted}" = {value}\n[labels]')
    if place == "source.entities":
        text = GOOD.replace('customer_id = "cust"', f'customer_id = "cust"\n"{quoted}" = "x"')
    with pytest.raises(ProblemsError) as caught:
        load_spec(write(text))
    assert "write a name of letters a to z, digits and _" in str(caught.value)
    assert all(line.isprintable() for line in str(caught.value).splitlines())


@pytest.mark.parametrize("kind", ["conditions", "derived"])
@pytest.mark.parametrize("name", NAMES)
def test_a_feature_has_a_canonical_name(write: Write, kind: str, name: str) -> None:
    quoted = name.replace('"', '\\"').replace("\n", "\\n")
    with pytest.raises(ProblemsError, match=rf"features\.{kind}\.0\.name"):
        load_spec(write(f'{GOOD}[[features.{kind}]]\nname = "{quoted}"\nsql = "amount > 1"\n'))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('customer_id = "cust"', 'customer_id = "cust"\nCustomer_ID = "x"', "'Customer_ID' is"),
        ('customer_id = "cust"', 'customer_id = "cust"\nAmount = "x"', "'Amount' is used twice or"),
        ("[labels]", '[source.attributes]\nCUSTOMER_id = { column = "x", kind = "numeric" }\n'
                     "[labels]", "'CUSTOMER_id' is used twice"),
        ('customer_id = "cust"', 'customer_id = "cust"\nRatio = "x"',
         "the name 'ratio' is a column of the rows"),
    ],
)  # fmt: skip
def test_names_of_another_case_are_the_same_name(
    write: Write, old: str, new: str, said: str
) -> None:
    derived = '[[features.derived]]\nname = "ratio"\nsql = "amount / 2"\n'
    with pytest.raises(ProblemsError) as caught:
        load_spec(write(GOOD.replace(old, new) + derived))
    assert said in str(caught.value)


def test_a_source_may_call_its_columns_anything(write: Write) -> None:
    spec = load_spec(
        write(GOOD.replace('"cust"', "'<svg onload=\"x\"> größe\\'").replace('"id"', '"a b"'))
    )
    assert spec.source.entities == {"customer_id": '<svg onload="x"> größe\\'}


def test_a_first_spec_of_odd_columns_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    entities = ['Customer "A" \\ <b>', "1st card\n]\r\n[x]", "card-ID\x7f\x00"]
    table = {
        "tx id": [1, 2],
        'when "at"_time': pa.array([0, 1], pa.timestamp("us", tz="UTC")),
        "amount' \\u0041": [1.0, 2.0],
        "is_fraud\ttab": [0, 1],
        **{name: ["a", "b"] for name in entities},
    }
    names = {"tx id": "tx_id"}
    source = tmp_path / 'a "b" \\ c\n\x1b\u0085.parquet'
    pq.write_table(pa.table({names.get(k, k): v for k, v in table.items()}), source)
    draft_spec("odd", str(source))
    declared: dict[str, Any] = tomllib.loads((tmp_path / "odd.toml").read_text(encoding="utf-8"))
    assert [*declared["source"]["entities"].values()] == entities
    assert declared["source"]["path"] == str(source)
    assert declared["source"]["roles"]["event_time"] == 'when "at"_time'
    assert declared["labels"]["column"] == "is_fraud\ttab"
    spec = load_spec("odd.toml")
    assert list(spec.source.entities) == ["customer_a_b_id", "entity_1st_card_x_id", "card_id"]
    assert math.isfinite(spec.contract.amount.maximum)
