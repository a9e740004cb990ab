from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from expectations.contract import InputError, ProblemsError
from pipelines.ingestion.quarantine import describe_quarantine
from pipelines.ingestion.quarantine_replay import replay_rows
from pipelines.lake.tables import Lake
from tests.pipelines.banks import TIME, Bank, change, delivery, hour

TIGHT = "amount = { minimum = 0, maximum = 20 }"


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path, contract=TIGHT)


def test_it_is_counted_by_delivery_and_rule_with_ids(bank: Bank) -> None:
    bank.deliver(change(delivery(), cust={3: None, 15: None}))
    text = describe_quarantine(bank.lake, shown=1)
    lines = text.splitlines()
    assert lines[0].endswith(": 10 rows")
    assert "  cards.parquet: 10 rows" in lines
    (above,) = [line for line in lines if "amount_above_maximum" in line and "such as" in line]
    assert above.split()[:2] == ["amount_above_maximum", "9"]
    assert above.endswith("such as 11, 12, 13, 14, 15, 16, 17, 18, 19")
    assert "broken_rules=" in lines[-1]
    only = describe_quarantine(bank.lake, rule="customer_id_missing")
    assert "2 rows" in only.splitlines()[0]
    assert "1 rows" in describe_quarantine(bank.lake, day="2025-01-01").splitlines()[0]
    assert "10 rows" not in describe_quarantine(bank.lake, day="2025-01-02").splitlines()[0]


def test_an_empty_one_says_so(bank: Bank) -> None:
    assert describe_quarantine(bank.lake) == "The quarantine is empty."
    assert replay_rows(bank.spec, bank.lake) is None


def test_rows_are_replayed_after_the_contract_is_mended(bank: Bank) -> None:
    bank.deliver(change(delivery(), cust={3: None}))
    before = bank.state()
    assert replay_rows(bank.spec, bank.lake).kept == 0
    assert bank.state() == before  # nothing was mended yet
    bank.declare("")
    done = replay_rows(bank.spec, bank.lake)
    assert (done.read, done.kept, done.quarantined) == (10, 9, 1)
    assert sorted(row["transaction_id"] for row in bank.rows()) == [n for n in range(20) if n != 3]
    assert [row["transaction_id"] for row in bank.rows("labels")].count(14) == 1
    (left,) = bank.rows("quarantine")
    assert (left["transaction_id"], left["broken_rules"]) == (3, "customer_id_missing")
    assert left["source"] == "cards.parquet"
    # A delivery of the same file empties what it held.
    bank.deliver(delivery())
    assert bank.rows("quarantine") == []


def test_what_was_impossible_then_is_not_replayed(bank: Bank) -> None:
    rows = change(delivery(10), at={5: hour(1e6)}, id={7: 6})
    bank.deliver(rows)
    bank.declare("")
    done = replay_rows(bank.spec, bank.lake)
    assert (done.read, done.kept) == (2, 0)
    assert done.rules == {"event_time_in_future": 1, "transaction_id_repeated": 1}


def test_a_row_that_came_again_meanwhile_stays_out(bank: Bank) -> None:
    bank.deliver(delivery())
    bank.declare("")
    bank.file = bank.file.with_name("corrected.parquet")
    rows = change(delivery().slice(12, 1), amt={0: 5.0})
    bank.spec = bank.spec.model_copy(
        update={"source": bank.spec.source.model_copy(update={"path": str(bank.file)})}
    )
    bank.deliver(rows)
    done = replay_rows(bank.spec, bank.lake)
    assert done.rules == {"transaction_id_repeated": 1}
    assert [r["amount"] for r in bank.rows() if r["transaction_id"] == 12] == [5.0]


@pytest.mark.parametrize(
    ("severity", "kept", "quarantined"), [("warn", 20, 0), ("quarantine", 11, 9)]
)
def test_a_severity_decides_what_happens_to_a_row(
    tmp_path: Path, severity: str, kept: int, quarantined: int
) -> None:
    bank = Bank(
        tmp_path,
        contract=f'{TIGHT}\nseverities = {{ amount_above_maximum = "{severity}" }}',
    )
    done = bank.deliver(delivery())
    assert (done.kept, done.quarantined) == (kept, quarantined)
    assert done.warned == ({"amount_above_maximum": 9} if severity == "warn" else {})


def test_a_rule_that_stops_names_rows_and_leaves_the_lake(tmp_path: Path) -> None:
    bank = Bank(tmp_path, contract=f'{TIGHT}\nseverities = {{ amount_above_maximum = "stop" }}')
    bank.deliver(delivery(5))
    before = bank.state()
    with pytest.raises(InputError, match=r"amount_above_maximum: 9 rows, such as .*\[11, 12") as e:
        bank.deliver(delivery())
    assert "Nothing was ingested" in str(e.value)
    assert bank.state() == before


def test_a_value_that_is_not_allowed_is_quarantined(tmp_path: Path) -> None:
    bank = Bank(tmp_path, contract='allowed = { channel = ["web", "pos"] }')
    done = bank.deliver(change(delivery(), channel={4: "crypto", 5: None}))
    assert done.rules == {"channel_not_allowed": 1}


OWN = """
[[contract.expectations]]
name = "expect_column_values_to_not_be_in_set"
column = "channel"
value_set = ["pos"]
severity = "quarantine"
"""


def test_a_users_own_expectation_quarantines_rows(tmp_path: Path) -> None:
    bank = Bank(tmp_path, contract=OWN)
    done = bank.deliver(delivery())
    assert done.rules == {"channel_to_not_be_in_set": 10}
    assert (done.kept, done.quarantined) == (10, 10)
    bank.declare("")
    assert replay_rows(bank.spec, bank.lake).kept == 10


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ('name = "expect_colum_values_to_be_unique"\ncolumn = "amount"', "did you mean"),
        (
            'name = "expect_column_values_to_be_between"\ncolumn = "amt"\nmax_value = 3',
            "no column amt",
        ),
        ('name = "expect_column_values_to_be_between"\ncolumn = "amount"\nmost = 3', "most"),
        ('name = "expect_column_mean_to_be_between"\ncolumn = "amount"\nmax_value = 3', "single"),
    ],
    ids=["unknown name", "unknown column", "unknown argument", "not about rows"],
)
def test_a_wrong_expectation_is_refused_with_its_number(
    tmp_path: Path, own: str, said: str
) -> None:
    contract = f'[[contract.expectations]]\nseverity = "quarantine"\n{own}\n'
    with pytest.raises(ProblemsError, match=r"contract\.expectations\.0") as caught:
        Bank(tmp_path, contract=contract).deliver(delivery())
    assert said in str(caught.value)


def test_a_contract_that_cannot_hold_is_refused_with_every_problem(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError) as caught:
        Bank(
            tmp_path,
            contract="""
amount = { minimum = 5, maximum = 1 }
allowed = { customer_id = ["a"] }
severities = { amount_too_big = "warn", transaction_id_missing = "warn" }
[[contract.expectations]]
name = "expect_column_values_to_be_unique"
column = "is_fraud"
table = "labels"
severity = "quarantine"
""",
        )
    text = str(caught.value)
    for said in (
        "minimum 5 is above maximum 1",
        "contract.allowed.customer_id: not a categorical attribute",
        "contract.severities.amount_too_big: no such row rule",
        "contract.severities.transaction_id_missing: a row that breaks it cannot be worked with",
        "only transactions can be quarantined",
    ):
        assert said in text


def test_rows_of_other_ids_wait_on_when_a_file_comes_again(bank: Bank) -> None:
    bank.deliver(delivery(15))  # 11 .. 14 are above the maximum
    bank.deliver(delivery(6, first=15, amt=[1.0, 2.0, 3.0, 40.0, 41.0, 42.0]))  # the next day
    waiting = sorted(row["transaction_id"] for row in bank.rows("quarantine"))
    assert waiting == [11, 12, 13, 14, 18, 19, 20]


def test_an_id_that_waits_twice_is_filed_in_each_of_its_versions(tmp_path: Path) -> None:
    bank = Bank(tmp_path, contract=TIGHT, known='known_time = "seen"')
    bank.deliver(delivery())
    other = bank.spec.source.model_copy(update={"path": str(bank.file.with_name("b.parquet"))})
    bank.spec, bank.file = (
        bank.spec.model_copy(update={"source": other}), bank.file.with_name("b.parquet"),
    )  # fmt: skip
    bank.deliver(change(delivery(13), amt={12: 40.0}, seen={12: hour(100)}))
    assert [r["transaction_id"] for r in bank.rows("quarantine")].count(12) == 2
    bank.declare("")
    done = replay_rows(bank.spec, bank.lake)
    assert done.rules == {}
    amounts = [(r["transaction_id"], r["amount"]) for r in bank.rows()]
    assert [each for each in amounts if each[0] in {11, 12}] == [
        (11, 21.0), (12, 22.0), (12, 40.0),  # 11 came twice alike
    ]  # fmt: skip


def test_a_replay_that_was_cut_off_loses_nothing(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.deliver(delivery())
    bank.declare("")
    original = Lake.commit
    for fails_at in ("labels", "transactions", "quarantine"):

        def cut(lake: Lake, table: str, *rest: object, at: str = fails_at, **given: object) -> Any:
            if table == at:
                raise KeyboardInterrupt
            return original(lake, table, *rest, **given)

        with monkeypatch.context() as patch:
            patch.setattr(Lake, "commit", cut)
            with pytest.raises(KeyboardInterrupt):
                replay_rows(bank.spec, bank.lake)
        held = {r["transaction_id"] for r in (*bank.rows(), *bank.rows("quarantine"))}
        assert held == set(range(20))
    assert replay_rows(bank.spec, bank.lake).kept == 9
    assert sorted(r["transaction_id"] for r in bank.rows()) == [*range(20)]
    assert bank.rows("quarantine") == []


def test_two_expectations_of_one_name_and_column_both_quarantine(tmp_path: Path) -> None:
    third = OWN.replace("not_be_in_set", "not_match_regex").replace(
        'value_set = ["pos"]', 'regex = "w"'
    )
    first = third.replace('regex = "w"', 'regex = "p"')
    bank = Bank(tmp_path, contract=third + first, share=0.9)
    with pytest.raises(
        InputError, match="channel_to_not_match_regex 10, channel_to_not_match_regex#2 10"
    ):
        bank.deliver(delivery())


def test_an_expectation_of_a_later_table_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    contract = """
[[contract.expectations]]
table = "features"
name = "expect_column_values_to_be_unique"
column = "no_such_feature"
"""
    bank = Bank(tmp_path, contract=contract)
    with pytest.raises(ProblemsError, match="features has no column no_such_feature"):
        bank.deliver(delivery())
    assert bank.state() == {}


def test_a_year_that_python_does_not_have_can_be_shown(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    rows = delivery()
    times = rows["at"].cast(pa.int64()).to_numpy().copy()
    times[[3, 4]] = [-(10**17), 3 * 10**17]
    rows = rows.set_column(1, "at", pa.array(times).cast(TIME))
    done = bank.deliver(rows)
    assert done.rules == {"event_time_in_future": 1, "event_time_too_old": 1}
    assert "event_time=-" in describe_quarantine(bank.lake, shown=5)
    assert replay_rows(bank.spec, bank.lake).kept == 0


def test_the_rule_of_any_expectation_is_named_after_its_column(tmp_path: Path) -> None:
    contract = """
[[contract.expectations]]
name = "expect_column_value_lengths_to_equal"
column = "channel"
value = 3
severity = "quarantine"
"""
    rows = change(delivery(), channel={4: "voice"})
    done = Bank(tmp_path, contract=contract).deliver(rows)
    assert done.rules == {"channel_value_lengths_to_equal": 1}


def test_an_expectation_of_some_rows_quarantines_those_only(tmp_path: Path) -> None:
    contract = """
[[contract.expectations]]
name = "expect_column_values_to_be_between"
column = "amount"
max_value = 2
row_condition = 'col("channel") == "pos"'
condition_parser = "great_expectations"
severity = "quarantine"
"""
    rows = delivery()
    done = Bank(tmp_path, contract=contract, share=0.9).deliver(rows)
    broken = [
        channel == "pos" and amount > 2
        for channel, amount in zip(
            rows["channel"].to_pylist(), rows["amt"].to_pylist(), strict=True
        )
    ]
    assert 0 < sum(broken) < 20
    assert done.rules == {"amount_to_be_between": sum(broken)}
