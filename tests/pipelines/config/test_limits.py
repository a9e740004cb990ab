"""A spec that is too large, too deep or no text is its writer's mistake, and told at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from expectations.contract import InputError
from expectations.contract.toml_file import parse_toml, read_toml
from infra.tracking.roles import read_roles
from pipelines.config.spec import load_spec
from pipelines.steps.form import configure_night
from tests.pipelines.config.conftest import Write
from tests.pipelines.config.test_spec import GOOD


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
