"""Values of every type and spelling: numbers, times, ids, labels; missing ones are null."""

import decimal
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.contract import ProblemsError
from pipelines.config import Dialect, TimeColumn
from pipelines.ingestion.readers import open_transactions
from pipelines.ingestion.readers.values import (
    UnusableTypeError,
    UnusableValueError,
    read_categories,
    read_keys,
    read_numbers,
    read_times,
)
from tests.pipelines.ingestion.readers.tables import (
    FORMS,
    declare,
    parquet,
    read,
    write_columns,
    write_csv,
)

PLAIN = Dialect()


def numbers(values: pa.Array, dialect: Dialect = PLAIN, *, words: bool = False) -> list[object]:
    return read_numbers(values, dialect, table="source", words=words).to_pylist()


def times(
    values: pa.Array, dialect: Dialect = PLAIN, column: str | TimeColumn = ""
) -> list[object]:
    return read_times(values, dialect, column=column, table="source").to_pylist()


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**14),
                            max_value=10**14), min_size=1))  # fmt: skip
def test_a_decimal_is_the_nearest_double(values: list[Decimal]) -> None:
    expected = [float(str(value)) for value in values]
    for kind in (pa.decimal128(18, 2), pa.decimal128(38, 2), pa.decimal256(60, 2)):
        assert numbers(pa.array(values, kind)) == expected


@given(st.integers(0, 30), st.integers(-(10**37), 10**37))
def test_a_decimal_of_any_scale_is_the_nearest_double(scale: int, digits: int) -> None:
    with decimal.localcontext(prec=60):
        value = Decimal(digits).scaleb(-scale)
    assert numbers(pa.array([None, value], pa.decimal128(38, scale))) == [None, float(str(value))]


def test_a_slice_of_decimals_has_its_own_values() -> None:
    values = pa.array([Decimal("1.10"), None, Decimal("19.99"), Decimal("-0.95")])
    assert numbers(values.slice(1, 3)) == [None, 19.99, -0.95]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_text_is_the_number_that_python_reads(value: float) -> None:
    assert numbers(pa.array([repr(value), f" {value:.3e} "])) == [value, float(f"{value:.3e}")]


@given(st.integers(-(10**9), 10**9), st.integers(0, 99), st.sampled_from([",.", ".,", "' ", " ,"]))
def test_marks_are_taken_out_of_numbers(whole: int, cents: int, marks: str) -> None:
    thousands, point = marks[0], "," if marks[1] == "," else "."
    dialect = Dialect(thousands_mark=thousands, decimal_mark=point)
    written = f"{whole:,}".replace(",", thousands) + f"{point}{cents:02}"
    assert numbers(pa.array([written]), dialect) == [float(f"{whole}.{cents:02}")]


@pytest.mark.parametrize(
    "text", ["5,50", "1,23", "1,2345", ",5", "1.5.2", "12,34,5", "EUR 5", "0x1F"]
)
def test_a_number_of_other_groups_is_refused(text: str) -> None:
    with pytest.raises(UnusableValueError, match="is no number"):
        numbers(pa.array(["1,234.50", "12,34,567", text]), Dialect(thousands_mark=","))


def test_a_point_is_no_number_where_a_comma_is_the_mark() -> None:
    with pytest.raises(UnusableValueError, match=r"'5\.50' is no number with decimal_mark"):
        numbers(pa.array(["5,50", "5.50"]), Dialect(decimal_mark=","))


def test_missing_numbers_are_null() -> None:
    assert numbers(pa.array(["", "NA", "null", "NaN", " ", "1"])) == [None] * 5 + [1.0]
    assert numbers(pa.array([float("nan"), None, 2.0])) == [None, None, 2.0]
    assert numbers(pa.array(["-", "1"]), Dialect(missing_values=("-",))) == [None, 1.0]
    assert numbers(pa.nulls(2)) == [None, None]


def test_numbers_of_every_type_are_doubles() -> None:
    assert numbers(pa.array([2**60 + 1, None])) == [float(2**60 + 1), None]
    assert numbers(pa.array([True, False])) == [1.0, 0.0]
    assert numbers(pa.array(["1.5", "2"]).dictionary_encode()) == [1.5, 2.0]
    with pytest.raises(UnusableTypeError, match="has to be a number"):
        numbers(pa.array([[1.0]]))


def test_words_are_labels_as_the_spec_says() -> None:
    dialect = Dialect(true_values=("Yes",), false_values=("No",))
    texts = pa.array(["Yes", "No", "TRUE", "False", "1", "0.0", ""])
    assert numbers(texts, dialect, words=True) == [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, None]
    with pytest.raises(UnusableValueError, match=r"'Yes' is neither 1 nor 0.*source\.true_values"):
        numbers(texts, words=True)


@pytest.mark.parametrize("ending", FORMS)
def test_an_empty_text_is_a_missing_customer_category_and_label(
    tmp_path: Path, ending: str
) -> None:
    columns = {"tx": ["a", "b"], "customer": ["", "K7"], "channel": ["web", ""], "fraud": ["", "1"]}
    write_columns(tmp_path / f"bank.{ending}", columns)
    rows = read(declare(tmp_path, f"bank.{ending}", form=ending.partition(".")[0]))
    assert rows["customer_id"].to_pylist() == [None, "K7"]
    assert rows["channel"].to_pylist() == ["web", None]
    assert rows["is_fraud"].to_pylist() == [None, 1.0]


def test_texts_of_csv_stay_as_they_are_written(tmp_path: Path) -> None:
    write_csv(
        tmp_path / "bank.csv", {"tx": "01", "customer": "0012", "channel": "0742"},
        {"tx": "1", "customer": "12", "channel": "NA"},
    )  # fmt: skip
    rows = read(declare(tmp_path, "bank.csv"))
    assert rows["transaction_id"].to_pylist() == ["01", "1"]
    assert rows["customer_id"].to_pylist() == ["0012", "12"]
    assert rows["channel"].to_pylist() == ["0742", "NA"]
    types = '[source.types]\ncustomer_id = "integer"\nchannel = "integer"'
    with pytest.raises(ProblemsError, match="'NA' is no integer"):
        read(declare(tmp_path, "bank.csv", types=types))
    types = '[source.types]\ncustomer_id = "integer"'
    assert read(declare(tmp_path, "bank.csv", types=types))["customer_id"].to_pylist() == [12, 12]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("value", ["12", 12, 12.0])
@pytest.mark.parametrize(("kind", "expected"), [(pa.int64(), 12), (pa.string(), "12")])
def test_a_type_that_is_filed_decides_in_every_format(
    tmp_path: Path, ending: str, value: object, kind: pa.DataType, expected: object
) -> None:
    if ending == "csv" and isinstance(value, float):
        value = int(value)  # a text 12.0 is no integer
    write_columns(tmp_path / f"bank.{ending}", {"customer": [value]})
    spec = declare(tmp_path, f"bank.{ending}", form=ending)
    rows = read(spec, filed=pa.schema([("customer_id", kind)]))
    assert rows.schema.field("customer_id").type == kind
    assert rows["customer_id"].to_pylist() == [expected]


def test_a_value_that_is_not_of_the_filed_type_is_told_with_its_line(tmp_path: Path) -> None:
    write_csv(tmp_path / "bank.csv", {"channel": "two\nlines"}, {"customer": "K7"}, {"amount": "x"})
    reader = open_transactions(
        declare(tmp_path, "bank.csv"), filed=pa.schema([("customer_id", pa.int64())])
    )
    with pytest.raises(ProblemsError) as caught:
        list(reader.batches(reader.files()[0]))
    amount, customer = caught.value.problems
    assert amount.startswith("bank.csv: line 5, column 'amount' cannot be amount: 'x' is no number")
    assert customer.startswith("bank.csv: line 4, column 'customer' cannot be customer_id: 'K7'")
    assert 'source.types.customer_id = "text"' in customer


def test_a_stated_type_other_than_the_filed_one_is_a_problem(tmp_path: Path) -> None:
    write_csv(tmp_path / "bank.csv", {})
    spec = declare(tmp_path, "bank.csv", types='[source.types]\ncustomer_id = "text"')
    reader = open_transactions(spec, filed=pa.schema([("customer_id", pa.int64())]))
    (problem,) = reader.problems(reader.files())
    assert problem.startswith("source.types.customer_id: 'text', but the lake has integer")


def test_one_text_in_a_folder_makes_its_ids_text(tmp_path: Path) -> None:
    parquet(tmp_path / "bank" / "1.parquet", customer=pa.array([12]))
    parquet(tmp_path / "bank" / "2.parquet", customer=pa.array(["K7"]))
    parquet(tmp_path / "bank" / "3.parquet", customer=pa.array([13.0]))
    rows = read(declare(tmp_path, "bank", form="parquet"))
    assert rows["customer_id"].to_pylist() == ["12", "K7", "13"]


SOME_UUID = uuid.UUID("00010203-0405-0607-0809-0a0b0c0d0e0f")


@pytest.mark.parametrize(
    ("values", "canonical", "expected"),
    [
        (pa.array([Decimal(7), None], pa.decimal128(38, 0)), pa.int64(), [7, None]),
        (pa.array([Decimal("7.00")], pa.decimal128(10, 2)), pa.string(), ["7"]),
        (pa.array([Decimal(10**30)], pa.decimal128(38, 0)), pa.string(), [str(10**30)]),
        (pa.array([7.0, None, float("nan")]), pa.int64(), [7, None, None]),
        (pa.array([7.0]), pa.string(), ["7"]),
        (pa.array([2**64 - 1], pa.uint64()), pa.string(), [str(2**64 - 1)]),
        (pa.array(["0012", ""]), pa.int64(), [12, None]),
        (pa.array([SOME_UUID.bytes, None], pa.binary(16)), pa.string(), [str(SOME_UUID), None]),
        (pa.array([SOME_UUID.bytes], pa.binary()), pa.string(), [str(SOME_UUID)]),
        (pa.array([SOME_UUID.bytes], pa.uuid()), pa.string(), [str(SOME_UUID)]),
        (pa.array(["a", "b", ""]).dictionary_encode(), pa.string(), ["a", "b", None]),
        (pa.array(["a", ""], pa.large_string()), pa.string(), ["a", None]),
        (pa.array(["a", ""], pa.string_view()), pa.string(), ["a", None]),
        (pa.nulls(1), pa.int64(), [None]),
    ],
)
def test_ids_of_every_type(
    values: pa.Array, canonical: pa.DataType, expected: list[object]
) -> None:
    found = read_keys(values, canonical, PLAIN, key="source.types.customer_id")
    assert found.type == canonical
    assert found.to_pylist() == expected


@pytest.mark.parametrize(
    ("values", "position"),
    [
        (pa.array([7.0, 7.5]), 1),
        (pa.array([2.0**53, 2.0**60]), 1),
        (pa.array([Decimal("1.00"), None, Decimal("1.10")]), 2),
        (pa.array([Decimal(1), Decimal(10**30)], pa.decimal128(38, 0)), 1),
        (pa.array([1, 2**64 - 1], pa.uint64()), 1),
        (pa.array(["1", "1.0"]), 1),
        (pa.array(["1", str(10**30)]), 1),
        (pa.array([SOME_UUID.bytes, b"short"]), 1),
        (pa.array([b"sixteen letters!"]), 0),
    ],
)
def test_what_is_no_id_is_told(values: pa.Array, position: int) -> None:
    with pytest.raises(UnusableValueError) as caught:
        read_keys(values, pa.int64(), PLAIN, key="source.types.customer_id")
    assert caught.value.position == position


def test_categories_of_every_type_are_text() -> None:
    def read_texts(values: pa.Array) -> list[object]:
        return read_categories(values, PLAIN).to_pylist()

    assert read_texts(pa.array([742, None])) == ["742", None]
    assert read_texts(pa.array([742.0, float("nan"), 7.5])) == ["742", None, "7.5"]
    assert read_texts(pa.array([Decimal(742)], pa.decimal128(5, 0))) == ["742"]
    assert read_texts(pa.array([True, None])) == ["true", None]
    assert read_texts(pa.array(["web", "", "NA"])) == ["web", None, "NA"]
    with pytest.raises(UnusableTypeError):
        read_texts(pa.array([["a"]]))


@given(st.datetimes(datetime(1900, 1, 1), datetime(2262, 1, 1)),  # noqa: DTZ001 -- local times
       st.sampled_from(["%d.%m.%Y %H:%M:%S.%f", "%Y%m%d%H%M%S%f", "%m/%d/%Y %I:%M:%S.%f %p",
                        "%d-%b-%Y at %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f%z"]))  # fmt: skip
def test_a_stated_format_is_read_as_python_reads_it(at: datetime, form: str) -> None:
    text = at.replace(tzinfo=UTC).strftime(form).replace("+0000", "+0130")
    expected = datetime.strptime(text, form)  # noqa: DTZ007 -- UTC below
    expected = expected.astimezone(UTC) if expected.tzinfo else expected.replace(tzinfo=UTC)
    dialect = Dialect(time_format=form)
    assert times(pa.array([text, None, ""]), dialect) == [expected, None, None]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%d.%m.%Y", "31.04.2025"), ("%d.%m.%Y", "2025-01-01"), ("%d.%m.%Y", "00.01.2025"),
        ("%d.%m.%Y %H:%M", "01.01.2025 24:00"), ("%d.%m.%Y %I:%M %p", "01.01.2025 13:00 PM"),
        ("%d %b %Y", "01 Foo 2025"), ("%d.%m.%Y", "01.01.2025 "*2),
    ],
)  # fmt: skip
def test_a_time_of_another_format_is_told_with_the_key(form: str, text: str) -> None:
    with pytest.raises(UnusableValueError, match=r"source\.time_format") as caught:
        times(pa.array([None, "", text]), Dialect(time_format=form))
    assert caught.value.position == 2


def test_local_times_are_of_the_stated_zone() -> None:
    dialect = Dialect(time_zone="Europe/Berlin")
    summer = datetime(2025, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    expected = [datetime(2025, 7, 1, 10, tzinfo=UTC)]
    naive = summer.replace(tzinfo=None)
    assert times(pa.array(["2025-07-01 12:00"]), dialect) == expected
    assert times(pa.array([naive], pa.timestamp("us")), dialect) == expected
    assert times(pa.array([naive], pa.timestamp("ns")), dialect) == expected
    assert times(pa.array([summer], pa.timestamp("us", tz="Asia/Tokyo")), dialect) == expected
    assert times(pa.array(["2025-07-01T12:00:00+02:00"]), dialect) == expected
    assert times(pa.array([date(2025, 7, 1)]), dialect) == [datetime(2025, 6, 30, 22, tzinfo=UTC)]
    # The hour that comes twice is the earlier one; one that never comes is refused.
    assert times(pa.array(["2025-10-26 02:30"]), dialect) == [
        datetime(2025, 10, 26, 0, 30, tzinfo=UTC)
    ]
    with pytest.raises(UnusableValueError, match="does not exist in Europe/Berlin"):
        times(pa.array(["2025-03-30 02:30"]), dialect)


def test_iso_texts_of_all_kinds_stand_in_one_column() -> None:
    texts = ["2025-01-01", "2025-01-01 10:00", "2025-01-01T10:00:00.123456789Z", "",
             "2025-01-01 10:00:00 UTC", "2025-01-01T10:00:00-0530"]  # fmt: skip
    ten = datetime(2025, 1, 1, 10, tzinfo=UTC)
    assert times(pa.array(texts)) == [
        datetime(2025, 1, 1, tzinfo=UTC), ten, ten + timedelta(microseconds=123_456), None, ten,
        ten + timedelta(hours=5, minutes=30),
    ]  # fmt: skip
    with pytest.raises(UnusableValueError, match=r"'01\.02\.2025' is no time.*source\.time_format"):
        times(pa.array([*texts, "01.02.2025"]))


@pytest.mark.parametrize(
    ("unit", "number", "length"),
    [
        ("s", 86_400, timedelta(days=1)), ("ms", 1_500, timedelta(seconds=1.5)),
        ("us", 7, timedelta(microseconds=7)), ("ns", 7_999, timedelta(microseconds=7)),
        ("D", 2, timedelta(days=2)), ("s", 1.25, timedelta(seconds=1.25)),
        ("D", Decimal("0.5"), timedelta(hours=12)), ("s", "90", timedelta(seconds=90)),
    ],
)  # fmt: skip
def test_numbers_count_from_their_start(unit: str, number: object, length: timedelta) -> None:
    column = TimeColumn.model_validate({"column": "at", "unit": unit, "start": "2017-12-01"})
    start = datetime(2017, 12, 1, tzinfo=UTC)
    assert times(pa.array([number, None]), column=column) == [start + length, None]


def test_a_number_beyond_all_times_is_told() -> None:
    column = TimeColumn(column="at", unit="s")
    with pytest.raises(UnusableValueError, match="correct the unit"):
        times(pa.array([1, 10**15]), column=column)
    with pytest.raises(UnusableTypeError, match="name the column alone"):
        times(pa.array([date(2025, 1, 1)]), column=column)


def test_numbers_without_a_unit_are_refused_with_the_unit_that_they_seem_to_have() -> None:
    with pytest.raises(UnusableTypeError, match=r'look like seconds since 1970.*unit = "s"'):
        times(pa.array([1_735_689_600]))


def test_a_spec_reads_seconds_since_a_start(tmp_path: Path) -> None:
    write_csv(tmp_path / "bank.csv", {"at": "86400"}, {"at": "86401.5"})
    time = '{ column = "at", unit = "s", start = "2017-12-01" }'
    rows = read(declare(tmp_path, "bank.csv", time=time))
    second = datetime(2017, 12, 2, tzinfo=UTC)
    assert rows["event_time"].to_pylist() == [second, second + timedelta(seconds=1.5)]
