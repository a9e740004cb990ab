"""A spec that is too large, too deep or no text is its writer's mistake, and told at once."""

import json
import math
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from expectations.contract import InputError, ProblemsError
from expectations.contract.toml_file import parse_toml, read_toml
from infra.tracking.roles import read_roles
from pipelines.config.spec import ModelSpec, load_spec
from pipelines.local.draft import draft_spec
from pipelines.steps.form import configure_night
from tests.pipelines.config.test_spec import GOOD

Write = Callable[[str | bytes], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.setenv("OVERNIGHT_SPECS", str(tmp_path))

    def write(text: str | bytes) -> str:
        raw = text.encode() if isinstance(text, str) else text
        (tmp_path / "cards.toml").write_bytes(raw)
        return "cards"

    return write


def inside(table: str, line: str) -> str:
    return f"{GOOD}\n[{table}]\n{line}\n"


DIGITS, DEEP = "9" * 5_000, "[" * 5_000 + "]" * 5_000
MISTAKES = {
    "a number of 5,000 digits": (inside("training", f"seed = {DIGITS}"), "more than 400 digits"),
    "a number of 400 digits": (inside("training", f"trials = {'9' * 400}"), "training.trials: a"),
    "a number of 65 bits": (inside("training", f"seed = {2**64}"), "training.seed: a num"),
    "a duration of 30 digits": (GOOD.replace('"1d"', f'"{"9" * 30}d"'), "is not a duration"),
    "a duration of 10,000 years": (GOOD.replace('"1d"', '"3650000d"'), "longer than 36525d, 100"),
    "5,000 nested arrays": (inside("training", f"columns = {DEEP}"), "nested more than 16 deep"),
    "100 nested arrays": (
        inside("training", f"columns = {'[' * 100}{']' * 100}"), "nested more than 16 deep",
    ),
    "5,000 nested tables": (
        inside("training", f"columns = {'{a=' * 5_000}1{'}' * 5_000}"), "nested more than 16 deep",
    ),
    "20,000 dotted keys": (GOOD + ".".join("a" * 20_000) + " = 1", "has more than 64 dots"),
    "a header of 20,000 keys": (f"{GOOD}[{'.'.join('a' * 20_000)}]", "has more than 64 dots"),
    "quoted keys": (GOOD + ".".join(['"a b"'] * 5_000) + " = 1", "has more than 64 dots"),
    "a megabyte of SQL": (
        f'{GOOD}[[features.derived]]\nname = "x"\nsql = "{"amount + " * 111_111}1"\n',
        "more than 262,144 bytes",
    ),
    "200 KB of SQL": (
        f'{GOOD}[[features.derived]]\nname = "x"\nsql = "{"amount + " * 22_000}1"\n',
        "an expression has at most 10,000",
    ),
    "a hundred megabytes": (b"#" * 100_000_000, "more than 262,144 bytes"),
    "no UTF-8": (b"[source]\npath = '\xff'\n", "not UTF-8: byte 0xff in line 2"),
    "UTF-16": (GOOD.encode("utf-16"), "not UTF-8: byte 0xff in line 1"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD.encode(), "begins with a byte order mark"),
    "a null byte": (GOOD + "\0", "not TOML"),
    "no TOML": ("\x7fELF", "not TOML"),
}  # fmt: skip


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", MISTAKES)
def test_it_is_refused_with_one_short_message(write: Write, name: str) -> None:
    text, said = MISTAKES[name]
    with pytest.raises(InputError) as caught:
        load_spec(write(text))
    assert said in str(caught.value)
    assert "cards.toml" in str(caught.value)
    assert len(str(caught.value)) < 1_500


def test_the_command_ends_with_2_and_a_paragraph(tmp_path: Path) -> None:
    (tmp_path / "cards.toml").write_text(MISTAKES["5,000 nested arrays"][0])
    ran = subprocess.run(
        [Path(sys.executable).with_name("overnight"), "doctor", "cards.toml"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"OVERNIGHT_HOME": str(tmp_path / "var")},
    )  # fmt: skip
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "value", [DIGITS, DEEP, "{a=" * 5_000, ".".join("a" * 20_000), "9" * 400, "nan", "inf", "-inf"]
)
def test_overrides_and_the_form_go_through_the_same_limits(write: Write, value: str) -> None:
    reference = write(GOOD)
    with pytest.raises(InputError):
        load_spec(f"{reference}?contract.amount.minimum={value}")
    with pytest.raises(InputError):
        configure_night(reference, f'{{"overrides": "contract.amount.minimum={value}"}}')


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "form",
    [f'{{"trials": {DIGITS}}}', DEEP, f'{{"as_of": {DEEP}}}', '{"trials": NaN}',
     f'{{"history": "{"9" * 30}d"}}', f'{{"time_budget": "{"9" * 5_000}h"}}',
     '{"overrides": "' + "a" * 70_000 + '=1"}', '{"overrides": "' + "a." * 30_000 + 'a=1"}',
     '{"add_features": "' + "a." * 20_000 + 'a=1"}'],
    ids=range(9),
)  # fmt: skip
def test_a_form_that_is_too_large_is_its_writers_mistake(write: Write, form: str) -> None:
    reference = write(GOOD)
    with pytest.raises(InputError) as caught:
        configure_night(reference, form)
    assert len(str(caught.value)) < 2_000


def test_a_key_of_many_parts_costs_no_more_than_its_length() -> None:
    """Nothing of a line with more than 64 dots is parsed, whatever it is."""
    for line in (
        ".".join("a" * 66) + " = 1",
        f"[{'.'.join('a' * 66)}]",
        '"."' + '."a"' * 65 + "=1",
    ):
        with pytest.raises(ValueError, match="line 1 has more than 64 dots"):
            parse_toml(line)


def test_many_decimals_on_a_line_are_no_dotted_key() -> None:
    numbers = ", ".join(f"{n}.5" for n in range(500))
    assert len(parse_toml(f"quantiles = [{numbers}]")["quantiles"]) == 500


def floats(model: type[BaseModel], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The keys of every number of a model and of the models in it."""
    for name, field in model.model_fields.items():
        for kind in parts(field):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from floats(kind, (*at, name))
            elif kind is float:
                yield (*at, name)


def parts(field: FieldInfo) -> Iterator[object]:
    waiting: list[object] = [field.annotation]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += get_args(kind)


FLOATS = sorted(set(floats(ModelSpec)))


def test_the_numbers_of_a_spec_are_found() -> None:
    known = {("contract", "amount", "minimum"), ("gate", "margin"), ("endpoint", "watch", "p99_ms")}
    assert known <= set(FLOATS) or {k[:2] for k in known} <= {k[:2] for k in FLOATS}
    assert len(FLOATS) > 20


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("keys", FLOATS, ids=".".join)
def test_no_limit_is_infinite_or_no_number(keys: tuple[str, ...], value: float) -> None:
    for written in (value, [value], {"x": value}, {"x": [value]}):
        declared: dict[str, Any] = {"name": "good", **tomllib.loads(GOOD)}
        table = declared
        for key in keys[:-1]:
            table = table.setdefault(key, {})
        table[keys[-1]] = written
        if keys[:2] == ("endpoint", "watch") and written == math.inf:
            ModelSpec.model_validate(declared)  # switches an alarm off
            continue
        with pytest.raises(ValidationError):
            ModelSpec.model_validate(declared)


def test_a_limit_that_is_no_number_is_told_with_its_key(write: Write) -> None:
    with pytest.raises(ProblemsError) as caught:
        load_spec(f"{write(GOOD)}?contract.amount.minimum=nan")
    assert caught.value.problems == (
        "contract.amount.minimum: got nan; a limit is a finite number; write one",
    )


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "name", ["5,000 nested arrays", "20,000 dotted keys", "no UTF-8", "UTF-16"]
)
def test_the_roles_of_the_tracking_server_keep_the_same_limits(tmp_path: Path, name: str) -> None:
    text = MISTAKES[name][0]
    path = tmp_path / "roles.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=r"roles\.toml"):
        read_roles(path)
    with pytest.raises(InputError, match=r"roles\.toml"):
        read_toml(path)


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
    entities = ['Customer "A" \\ <b>', "1st card\n", "card-ID\x7f"]
    table = {
        "tx id": [1, 2],
        'when "at"_time': pa.array([0, 1], pa.timestamp("us", tz="UTC")),
        "amount' \\u0041": [1.0, 2.0],
        "is_fraud\ttab": [0, 1],
        **{name: ["a", "b"] for name in entities},
    }
    names = {"tx id": "tx_id"}
    source = tmp_path / 'a "b" \\ c.parquet'
    pq.write_table(pa.table({names.get(k, k): v for k, v in table.items()}), source)
    draft_spec("odd", str(source))
    declared: dict[str, Any] = tomllib.loads((tmp_path / "odd.toml").read_text(encoding="utf-8"))
    assert [*declared["source"]["entities"].values()] == entities
    assert declared["source"]["path"] == str(source)
    assert declared["source"]["roles"]["event_time"] == 'when "at"_time'
    assert declared["labels"]["column"] == "is_fraud\ttab"
    spec = load_spec("odd.toml")
    assert list(spec.source.entities) == ["customer_a_b_id", "entity_1st_card_id", "card_id"]
    assert math.isfinite(spec.contract.amount.maximum)


PROGRAM = (
    '[{name="expect_column_values_to_be_between",column="amount",max_value=2,'
    'severity="quarantine",condition_parser="pandas",'
    "row_condition=\"amount.__class__.__init__.__globals__['sys'].modules['os'].system('id')\"}]"
)
QUERY = '[{name="unexpected_rows_expectation",unexpected_rows_query="select 1"}]'
MISSPELLED = '[{name="expect_column_values_to_be_uniqe",column="amount"}]'
EXPECTATIONS = {
    PROGRAM: (
        "contract.expectations.0.condition_parser: got 'pandas'; write great_expectations",
        "contract.expectations.0.row_condition: got ",
    ),
    QUERY: ("contract.expectations.0.name: got 'unexpected_rows_expectation'; it runs a query",),
    MISSPELLED: ("did you mean expect_column_values_to_be_unique",),
}


@pytest.mark.parametrize("declared", EXPECTATIONS)
def test_a_program_in_an_expectation_is_refused_when_the_spec_is_read(
    write: Write, declared: str
) -> None:
    reference = write(GOOD)
    change = f"contract.expectations={quote(declared, safe='')}"
    for load in (
        lambda: load_spec(f"{reference}?{change}"),
        lambda: configure_night(reference, json.dumps({"overrides": change})),
    ):
        with pytest.raises(ProblemsError) as caught:
            load()
        for said in EXPECTATIONS[declared]:
            assert said in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("if('x' like reflect('java.lang.System','getenv','TOKEN'), 1, 0)", "reflect() runs Java"),
        ("amount /* /*+ */ + rand() + length('*/ -- ')", "a comment; leave it out"),
    ],
)
def test_a_program_in_an_expression_is_refused_when_the_spec_is_read(
    write: Write, sql: str, said: str
) -> None:
    added = f'[[features.derived]]\nname = "evil"\nsql = "{sql}"\n'
    for load in (
        lambda: load_spec(write(GOOD + added)),
        lambda: configure_night(write(GOOD), json.dumps({"add_features": added})),
    ):
        with pytest.raises(ProblemsError) as caught:
            load()
        assert said in str(caught.value)
