"""First specs: what `overnight new` guesses of a file, and that what it writes loads."""

import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expectations.contract import InputError
from pipelines.config import ComposedId, ModelSpec, TimeColumn, load_spec
from pipelines.ingestion.readers import open_reports, open_transactions
from pipelines.local.draft import draft_spec
from tests.pipelines.ingestion.readers.tables import read_all
from tests.pipelines.public_cards import make_cards, write_cards

Drafted = Callable[..., ModelSpec]
HEADER = "tx_id,at,amount,customer,fraud"


@pytest.fixture
def drafted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drafted:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OVERNIGHT_SPECS", raising=False)

    def draft(name: str, labels: str | None = None) -> ModelSpec:
        Path("drafted.toml").unlink(missing_ok=True)
        draft_spec("drafted", name, labels=labels)
        return load_spec("drafted.toml")

    return draft


def write(name: str, *lines: str, encoding: str = "utf-8") -> str:
    Path(name).write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return name


def rows_of(spec: ModelSpec) -> pa.Table:
    return read_all(open_transactions(spec, filed=None))


@pytest.mark.parametrize(
    "names",
    [
        ["Transaction ID", "Event Time", "Amount", "Card Number", "Is Fraud"],
        ["tx_id", "at", 'amount "EUR"', "customer.id", "fraud"],
        ["TxnId", "EventTimestamp", "TransactionAmt", "cardNumber", "isFraud"],
    ],
)
def test_names_of_any_spelling_are_recognised(drafted: Drafted, names: list[str]) -> None:
    at = pa.array([datetime(2025, 1, 1, tzinfo=UTC)], pa.timestamp("us"))
    values = [pa.array([1]), at, pa.array([5.0]), pa.array([7]), pa.array([0])]
    pq.write_table(pa.table(dict(zip(names, values, strict=True))), "cards.parquet")
    spec = drafted("cards.parquet")
    assert [*spec.source.columns().values()] == [names[0], names[1], names[2], names[3]]
    assert spec.labels.column == names[4]
    assert rows_of(spec).num_rows == 1


def test_a_folder_of_a_delta_table_is_recognised_as_one(drafted: Drafted) -> None:
    at = pa.array([datetime(2025, 1, 1, tzinfo=UTC)] * 2, pa.timestamp("us", tz="UTC"))
    columns = {"tx_id": [1, 2], "at": at, "amount": [5.0, 6.0], "customer": [7, 8]}
    table = pa.table(columns | {"fraud": [0, 1]})
    write_deltalake("cards", table.slice(0, 1))
    write_deltalake("cards", table, mode="overwrite")
    write_deltalake("reports", pa.table({"tx_id": [1], "reported_at": at.slice(0, 1)}))
    spec = drafted("cards")
    assert spec.source.format == "delta"
    assert rows_of(spec)["transaction_id"].to_pylist() == [1, 2]  # none of the version before
    spec = drafted("cards", labels="reports")
    assert spec.labels.format is None  # as that of the transactions
    reader = open_reports(spec, filed=None)
    assert reader is not None
    assert read_all(reader)["transaction_id"].to_pylist() == [1]


ODD = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(st.lists(ODD, min_size=5, max_size=5, unique=True))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None
)
def test_what_is_written_loads_whatever_the_columns_are_called(
    drafted: Drafted, odd: list[str]
) -> None:
    stems = ["tx_id", "event_time", "amount", "customer", "is_fraud"]
    names = [
        f"{stem}{'' if stem == 'tx_id' else ' ' + o}" for stem, o in zip(stems, odd, strict=True)
    ]
    at = pa.array([datetime(2025, 1, 1, tzinfo=UTC)], pa.timestamp("us"))
    values = [pa.array([1]), at, pa.array([5.0]), pa.array([7]), pa.array([0])]
    pq.write_table(pa.table(dict(zip(names, values, strict=True))), "cards.parquet")
    spec = drafted("cards.parquet")
    assert spec.source.roles.transaction_id == "tx_id"
    assert spec.labels.column in names


def test_marks_encoding_and_format_of_a_csv_are_guessed(drafted: Drafted) -> None:
    file = write(
        "bank.csv", HEADER.replace(",", ";"), "1;13.01.2025 10:00;5,50;Müller;0",
        "2;14.01.2025 11:30;1.234,50;7;1", encoding="cp1252",
    )  # fmt: skip
    spec = drafted(file)
    source = spec.source
    assert (source.delimiter, source.decimal_mark, source.thousands_mark) == (";", ",", ".")
    assert (source.encoding, source.time_format) == ("cp1252", "%d.%m.%Y %H:%M")
    rows = rows_of(spec)
    assert rows["amount"].to_pylist() == [5.5, 1234.5]
    assert rows["customer_id"].to_pylist() == ["Müller", "7"]
    assert rows["event_time"].to_pylist()[1] == datetime(2025, 1, 14, 11, 30, tzinfo=UTC)


def test_thousands_of_a_csv_with_commas_are_guessed(drafted: Drafted) -> None:
    lines = ("1,2025-01-01,5.50,7,0", '2,2025-01-02,"1,234.50",7,0')
    spec = drafted(write("bank.csv", HEADER, *lines))
    assert spec.source.thousands_mark == ","
    assert rows_of(spec)["amount"].to_pylist() == [5.5, 1234.5]


@pytest.mark.parametrize(("true", "false"), [("Yes", "No"), ("fraud", "genuine"), ("B", "A")])
def test_words_of_a_label_are_guessed(drafted: Drafted, true: str, false: str) -> None:
    lines = [f"{n},2025-01-01,5,7,{true if n == 2 else false}" for n in range(4)]
    spec = drafted(write("bank.csv", HEADER, *lines))
    assert (spec.source.true_values, spec.source.false_values) == ((true,), (false,))
    assert rows_of(spec)["is_fraud"].to_pylist() == [0.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("numbers", "unit", "first"),
    [
        ([1_735_689_600, 1_735_689_660], "s", datetime(2025, 1, 1, tzinfo=UTC)),
        ([1_735_689_600_000, 1_735_689_660_000], "ms", datetime(2025, 1, 1, tzinfo=UTC)),
        ([86_400, 15_811_131], "s", None),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_unit_and_start_of_numbers_are_guessed(
    drafted: Drafted, numbers: list[int], unit: str, first: datetime | None, ending: str
) -> None:
    columns = {
        "TransactionID": [1, 2], "TransactionDT": numbers, "TransactionAmt": [5.0, 6.0],
        "card1": [7, 7], "isFraud": [0, 1],
    }  # fmt: skip
    file = f"train.{ending}"
    if ending == "parquet":
        pq.write_table(pa.table(columns), file)
    elif ending == "csv":
        rows = zip(*columns.values(), strict=True)
        write(file, ",".join(columns), *(",".join(map(str, row)) for row in rows))
    else:
        pairs = zip(*columns.values(), strict=True)
        write(file, *(str(dict(zip(columns, row, strict=True))).replace("'", '"') for row in pairs))
    spec = drafted(file)
    time = spec.source.roles.event_time
    assert isinstance(time, TimeColumn)
    assert (time.column, time.unit) == ("TransactionDT", unit)
    times = rows_of(spec)["event_time"].to_pylist()
    if first is not None:
        assert times[0] == first
    assert times[1] - times[0] == {"s": timedelta(seconds=1), "ms": timedelta(milliseconds=1)}[
        unit
    ] * (numbers[1] - numbers[0])
    if first is None:
        assert "a date that the file does not tell" in Path("drafted.toml").read_text()


def test_refunds_get_a_minimum_below_them(drafted: Drafted) -> None:
    lines = ("1,2025-01-01,50.00,7,0", "2,2025-01-01,-20.00,7,0")
    assert drafted(write("bank.csv", HEADER, *lines)).contract.amount.minimum < -20.0
    spec = drafted(write("bank.csv", HEADER, *lines[:1]))
    assert spec.contract.amount.minimum == 0.0


def test_reports_of_another_format_are_a_table_of_labels(drafted: Drafted) -> None:
    at = pa.array([datetime(2025, 1, 1, tzinfo=UTC)], pa.timestamp("us"))
    rows = {
        "tx_id": pa.array([12]),
        "tx_time": at,
        "amount": pa.array([5.0]),
        "card": pa.array([7]),
    }
    pq.write_table(pa.table(rows), "cards.parquet")
    reports = write("reports.csv", "tx_id;reported_at", "12;17.01.2025 08:00")
    spec = drafted("cards.parquet", labels=reports)
    assert spec.labels.column is None
    assert (spec.labels.format, spec.labels.delimiter) == ("csv", ";")
    reader = open_reports(spec, filed=rows_of(spec).schema)
    assert reader is not None
    assert read_all(reader).to_pylist() == [
        {"transaction_id": 12, "known_time": datetime(2025, 1, 17, 8, tzinfo=UTC)}
    ]
    # The other way round, what the transactions say does not reach the reports.
    table = pa.table({"tx_id": ["12"], "reported_at": at})
    pq.write_table(table, "reports.parquet")
    lines = ("tx_id;at;amount;customer", "12;13.01.2025;5,50;7")
    spec = drafted(write("bank.csv", *lines), labels="reports.parquet")
    reader = open_reports(spec, filed=None)
    assert reader is not None
    assert read_all(reader)["transaction_id"].to_pylist() == ["12"]


def test_a_folder_is_drafted_by_its_files(drafted: Drafted) -> None:
    Path("bank").mkdir()
    Path("bank/README.txt").write_text("no data")
    for number in (1, 2):
        write(f"bank/{number}.csv", HEADER, f"{number},2025-01-0{number},5,0012,0")
    spec = drafted("bank")
    assert spec.source.format == "csv"
    assert rows_of(spec)["customer_id"].to_pylist() == ["0012", "0012"]


def test_a_public_file_without_ids_customers_and_dates_is_drafted(drafted: Drafted) -> None:
    write_cards(Path("cards.csv"), make_cards(rows=2_000))
    spec = drafted("cards.csv")
    assert spec.source.entities == {}
    assert spec.training.exclude_detected is None
    assert spec.features.windows == ()
    assert spec.source.attributes.keys() == {f"v{number}" for number in range(1, 9)}
    assert {each.kind for each in spec.source.attributes.values()} == {"numeric"}
    assert spec.labels.column == "Class"
    composed = spec.source.roles.transaction_id
    assert isinstance(composed, ComposedId)
    assert composed.columns == ("Time", "Amount", *(f"V{number}" for number in range(1, 9)))
    read = rows_of(spec)
    assert read.num_rows == 2_000
    assert len(set(read["transaction_id"].to_pylist())) == 2_000  # equal rows among them


def test_a_file_without_labels_is_drafted_without_and_says_so(drafted: Drafted) -> None:
    spec = drafted(write("bank.csv", "tx_id,at,amount,customer,chip", "1,2025-01-01,5,7,1"))
    assert not spec.labels.is_declared
    assert "No column looks like the label" in Path("drafted.toml").read_text()
    assert [*spec.source.entities.values()] == ["customer"]


def test_what_is_0_or_1_composes_no_id_as_it_may_be_the_label(drafted: Drafted) -> None:
    lines = ("at,amount,shop,outcome", "2025-01-01,5,A,1", "2025-01-02,6,B,0")
    composed = drafted(write("bank.csv", *lines)).source.roles.transaction_id
    assert isinstance(composed, ComposedId)
    assert composed.columns == ("at", "amount", "shop")


def test_a_file_without_amounts_is_refused_with_the_remedy(drafted: Drafted) -> None:
    with pytest.raises(InputError, match="Metrics in money need an amount: deliver one"):
        drafted(write("bank.csv", "tx_id,at,customer", "1,2025-01-01,7"))


def test_reports_need_ids_of_the_transactions(drafted: Drafted) -> None:
    reports = write("reports.csv", "tx_id,reported_at", "12,2025-01-17")
    rows = write("bank.csv", "at,amount", "2025-01-01,5")
    with pytest.raises(InputError, match=r"bank\.csv has no column that looks like transaction_id"):
        drafted(rows, labels=reports)


def test_the_file_says_what_was_guessed(drafted: Drafted) -> None:
    drafted(write("bank.csv", HEADER, "1,01/02/2025,5,7,0", "2,03/04/2025,5,7,0"))
    text = Path("drafted.toml").read_text()
    assert "guessed: the day stands before the month" in text
    declared: dict[str, Any] = tomllib.loads(text)
    assert declared["source"]["time_format"] == "%d/%m/%Y"
