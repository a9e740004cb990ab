"""What a spec may say of how its source is written, and what is refused before a file is opened."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from expectations.contract import ProblemsError
from pipelines.config import Dialect, ModelSpec, TimeColumn, load_spec, reports_dialect

SPEC = """
[source]
path = "cards.csv"
format = "csv"
{source}
[source.roles]
transaction_id = "id"
event_time = {time}
amount = "amt"
[source.entities]
customer_id = "cust"
[source.attributes]
channel = {{ column = "channel", kind = "categorical" }}
weight = {{ column = "weight", kind = "numeric" }}
{types}
[labels]
{labels}
maturity = "7d"
"""
COLUMN = 'column = "fraud"\ndelay = "7d"'
REPORTS = 'path = "reports.csv"\ntransaction_id = "id"\nknown_time = "at"\n'


def spec(
    folder: Path, *, source: str = "", time: str = '"at"', types: str = "", labels: str = COLUMN
) -> ModelSpec:
    text = SPEC.format(source=source, time=time, types=types, labels=labels)
    (folder / "cards.toml").write_text(text)
    return load_spec(str(folder / "cards.toml"))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('delimiter = ";;"', "source.delimiter: got ';;'; give one character"),
        ('delimiter = "a"', "source.delimiter: got 'a'; give one character"),
        ('thousands_mark = "."', "source.thousands_mark: '.' is the decimal mark too"),
        ('decimal_mark = ";"', "source.decimal_mark: got ';'"),
        ('encoding = "latin-99"', "source.encoding: got 'latin-99'; there is no such encoding"),
        ('encoding = "rot13"', "source.encoding: got 'rot13'; there is no such encoding"),
        ('time_zone = "Europe/Bonn"', "source.time_zone: got 'Europe/Bonn'; there is no"),
        ('time_format = "%d.%m.%Q"', "source.time_format: got '%d.%m.%Q'; %Q is not known"),
        ('time_format = "%d.%m"', "source.time_format: got '%d.%m'; a time needs a year"),
        ('time_format = "%Y-%m-%m"', "source.time_format: got '%Y-%m-%m'; a directive"),
        ('true_values = ["x"]\nfalse_values = ["x"]', "source.true_values: 'x' also stands"),
        ('format = "xml"', "not TOML"),
    ],
)  # fmt: skip
def test_a_wrong_dialect_is_told_with_its_key(tmp_path: Path, line: str, problem: str) -> None:
    if line.startswith("format"):
        text = SPEC.format(source="", time='"at"', types="", labels=COLUMN)
        (tmp_path / "cards.toml").write_text(text.replace('format = "csv"', line))
        with pytest.raises(ProblemsError, match=r"source\.format: got 'xml'"):
            load_spec(str(tmp_path / "cards.toml"))
        return
    with pytest.raises(ProblemsError) as caught:
        spec(tmp_path, source=line)
    (found,) = caught.value.problems
    assert found.startswith(problem)


def test_types_are_of_ids_entities_and_categories(tmp_path: Path) -> None:
    types = '[source.types]\ntransaction_id = "text"\ncustomer_id = "integer"\nchannel = "integer"'
    assert spec(tmp_path, types=types).source.types["customer_id"] == "integer"
    with pytest.raises(ProblemsError) as caught:
        spec(tmp_path, types='[source.types]\nweight = "integer"\nother = "text"')
    assert [p.partition(":")[0] for p in caught.value.problems] == [
        "source.types.weight", "source.types.other"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("", datetime(1970, 1, 1, tzinfo=UTC)),
        (', start = "2017-12-01"', datetime(2017, 12, 1, tzinfo=UTC)),
        (", start = 2017-12-01", datetime(2017, 12, 1, tzinfo=UTC)),
        (", start = 2017-12-01T01:00:00+01:00", datetime(2017, 12, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_a_name_or_a_table_with_unit_and_start(
    tmp_path: Path, start: str, expected: datetime
) -> None:
    found = spec(tmp_path, time=f'{{ column = "dt", unit = "s"{start} }}')
    assert found.source.roles.event_time == TimeColumn(column="dt", unit="s", start=expected)
    assert found.source.columns()["event_time"] == "dt"
    assert spec(tmp_path).source.columns()["event_time"] == "at"


def test_reports_are_written_as_the_transactions_unless_they_say_otherwise(tmp_path: Path) -> None:
    given = 'delimiter = ";"\ndecimal_mark = ","\ntime_zone = "Europe/Berlin"'
    own = 'format = "csv"\ndelimiter = ","\ntime_format = "%d/%m/%Y"\n'
    found = spec(tmp_path, source=given, labels=REPORTS + own)
    assert reports_dialect(found.source, found.labels) == Dialect(
        delimiter=",", decimal_mark=",", time_zone="Europe/Berlin", time_format="%d/%m/%Y"
    )


def test_a_label_that_is_a_column_has_no_format_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError) as caught:
        spec(tmp_path, labels=f'{COLUMN}\nformat = "csv"\ntrue_values = ["Yes"]')
    assert [p.partition(":")[0] for p in caught.value.problems] == [
        "labels.format", "labels.true_values"
    ]  # fmt: skip
