"""The feature step on a real lake: what it computes anew, what it keeps, and that both agree."""

import re
from pathlib import Path

import pyarrow as pa
import pytest

from expectations.contract import InputError, OvernightError, ProblemsError
from pipelines import steps
from pipelines.config.columns import table_columns
from pipelines.config.installation import settings
from pipelines.config.references import Snapshot, TableVersion
from pipelines.config.spec import load_spec
from pipelines.features.build import plan_feature_table
from pipelines.lake.tables import Lake
from tests.pipelines.config.test_columns import ARROW
from tests.pipelines.forgery import rewrite_in_place, tenfold
from tests.pipelines.windowed import AS_OF, DAYS, SPEC, write_rows

pytestmark = pytest.mark.usefixtures("one_spark")


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes `bank.toml` and its data; each home has a lake of its own."""
    monkeypatch.setenv("OVERNIGHT_SPECS", str(tmp_path))
    monkeypatch.setenv("OVERNIGHT_SPARK", "local[2]")

    def at_home(home: str, *, days: int = DAYS, many: int = 2, more: str = "") -> Lake:
        monkeypatch.setenv("OVERNIGHT_HOME", str(tmp_path / home))
        settings.load_settings.cache_clear()
        write_rows(tmp_path / "rows.parquet", days=days)
        text = SPEC.format(path=tmp_path / "rows.parquet", many=many) + more
        (tmp_path / "bank.toml").write_text(text)
        return Lake(str(tmp_path / home / "lake"), spec="bank")

    yield at_home
    settings.load_settings.cache_clear()


def build(since: str = "", until: str = "", *, as_of: str = AS_OF) -> TableVersion:
    snapshot = steps.ingest("bank", as_of)
    return TableVersion.parse(steps.build_features("bank", as_of, snapshot, since, until))


def day(number: int) -> str:
    return f"2025-01-{number + 1:02}"


def test_day_by_day_gives_the_bytes_of_the_full_build(bank) -> None:
    lake = bank("whole")
    whole = build()
    expected = lake.content_hash(whole)
    lake = bank("daily")
    for number in range(DAYS):
        at = build(day(number), day(number + 1))
        assert at.version == number + 1
    assert lake.content_hash(at) == expected
    # What is whole is kept by the nightly run.
    assert build() == at


def test_a_build_of_days_reads_no_day_before_its_lookback(bank) -> None:
    lake = bank("lookback")
    snapshot = Snapshot.parse(steps.ingest("bank", AS_OF))
    # The longest window is 2 days long and 2 days delayed: day 7 looks back to day 3.
    for table in (snapshot.transactions, snapshot.labels):
        for part in lake.parts(table):
            if part.day < day(3):
                Path(lake.folder(table.name), part.path).write_bytes(b"not to be read")
    at = TableVersion.parse(steps.build_features("bank", AS_OF, str(snapshot), day(7), day(8)))
    assert [part.day for part in lake.parts(at)] == [day(7)]


def test_rows_that_are_not_what_was_written_are_not_built_from(bank) -> None:
    lake = bank("rows_changed")
    snapshot = Snapshot.parse(steps.ingest("bank", AS_OF))
    paths = [Path(lake.files(at)[-1]) for at in (snapshot.transactions, snapshot.labels)]
    for path in paths:
        content = path.read_bytes()
        rewrite_in_place(path, tenfold)
        with pytest.raises(OvernightError, match=rf"@v1: .*{path.name} was changed"):
            steps.build_features("bank", AS_OF, str(snapshot))
        path.write_bytes(content)
    assert lake.latest("features") is None


def test_damaged_days_are_computed_again_to_the_same_files(bank) -> None:
    lake = bank("repaired")
    at = build()
    changed, lost = (Path(name) for name in lake.files(at)[2:4])
    contents = [path.read_bytes() for path in (changed, lost)]
    rewrite_in_place(changed, tenfold)
    lost.unlink()
    with pytest.raises(OvernightError, match='"overnight build-features bank --as-of AS_OF"'):
        steps.check_lake("bank")
    assert f"2 days would be computed whole ({day(2)} to {day(3)})" in plan_feature_table("bank")
    assert build() == at
    assert [path.read_bytes() for path in (changed, lost)] == contents
    assert "Every file is what was written." in steps.check_lake("bank")


def test_a_new_day_computes_that_day_and_leaves_the_others(bank) -> None:
    lake = bank("growing", days=DAYS - 1)
    before = lake.parts(build(as_of=day(DAYS - 1)))
    bank("growing", days=DAYS)
    assert f"against features@v1: 1 days would be computed whole ({day(7)}" in plan_after_ingest()
    at = build()
    assert lake.parts(at)[:-1] == before
    assert lake.parts(at)[-1].day == day(7)
    bank("at_once")
    assert lake.content_hash(at) == Lake(
        str(settings.load_settings().lake), spec="bank"
    ).content_hash(build())


def plan_after_ingest() -> str:
    steps.ingest("bank", AS_OF)
    return plan_feature_table("bank")


def test_a_changed_definition_computes_what_it_touches_and_keeps_the_other_columns(bank) -> None:
    lake = bank("changing")
    first = build()
    before = lake.read(first)
    more = '[[features.windows]]\nentity="terminal_id"\naggregates=["count"]\nwindows=["1d"]\n'
    bank("changing", many=3, more=more)
    plan = plan_feature_table("bank")
    assert "0 days would be computed whole" in plan
    changed = re.findall(r"^  (\w+)$", plan, re.M)
    assert changed == ["terminal_transaction_count_1d", "many"]
    second = build()
    after = lake.read(second)
    changed = [name for name in before.column_names if after[name] != before[name]]
    assert changed == ["many"]
    bank("changed", many=3, more=more)
    fresh = Lake(str(settings.load_settings().lake), spec="bank")
    assert fresh.content_hash(build()) == lake.content_hash(second)


def test_a_dropped_feature_is_dropped_without_computing_the_others(bank) -> None:
    lake = bank("dropping", more='[[features.derived]]\nname = "idle"\nsql = "amount * 2"\n')
    assert "idle" in lake.schema(build()).names
    bank("dropping")
    assert plan_feature_table("bank").endswith("  idle would be dropped")
    assert "idle" not in lake.schema(build()).names


def test_a_longer_window_leaves_the_other_features_alone(bank) -> None:
    lake = bank("longer")
    build()
    more = '[[features.windows]]\nentity="terminal_id"\naggregates=["count"]\nwindows=["6d"]\n'
    bank("longer", more=more)
    plan = plan_feature_table("bank")
    assert "0 days would be computed whole" in plan
    assert re.findall(r"^  (\w+)$", plan, re.M) == ["terminal_transaction_count_6d"]
    at = build()
    bank("longer_at_once", more=more)
    fresh = Lake(str(settings.load_settings().lake), spec="bank")
    assert fresh.content_hash(build()) == lake.content_hash(at)


def test_columns_in_another_order_are_rewritten_without_computing(bank) -> None:
    count = '[[features.windows]]\nentity="terminal_id"\naggregates=["count"]\nwindows={}\n'
    lake = bank("ordered", more=count.format('["1d", "2d"]'))
    build()
    bank("ordered", more=count.format('["2d", "1d"]'))
    plan = plan_feature_table("bank")
    assert plan.endswith("the columns would be put into the order of the spec")
    at = build()
    assert plan_feature_table("bank").endswith("nothing would be computed.")
    bank("ordered_at_once", more=count.format('["2d", "1d"]'))
    fresh = Lake(str(settings.load_settings().lake), spec="bank")
    assert fresh.content_hash(build()) == lake.content_hash(at)


def test_a_column_that_was_not_ingested_is_named(bank, tmp_path: Path) -> None:
    bank("lacking")
    snapshot = steps.ingest("bank", AS_OF)
    spec = tmp_path / "bank.toml"
    spec.write_text(spec.read_text().replace("[labels]", 'shop_id = "term"\n[labels]'))
    with pytest.raises(InputError, match=r"no shop_id; .* run \"overnight ingest\" first"):
        steps.build_features("bank", AS_OF, snapshot)


def test_days_that_are_none_are_refused_together(bank) -> None:
    bank("refusing")
    build()
    with pytest.raises(ProblemsError, match=r"2 problems in the days to build"):
        build("soon", "later")
    with pytest.raises(ProblemsError, match=r"holds 2025-01-01 to 2025-01-08"):
        build("2026-01-01", "2026-01-02")


def test_the_tables_have_the_columns_that_are_declared(bank) -> None:
    lake = bank("columns")
    versions = {"features": build(), **{t: lake.latest(t) for t in ("transactions", "labels")}}
    declared = table_columns(load_spec("bank"))
    time = ARROW["time"]
    further = {
        "features": {},
        "transactions": {"source_time": time, "replaced_time": time, "is_first": pa.bool_()},
        "labels": {"source_time": time, "stated_time": time, "state": pa.string()},
    }
    for table, version in versions.items():
        assert version is not None
        written = {field.name: field.type for field in lake.schema(version)}
        assert written.pop("event_day") == pa.string()
        expected = {column.name: ARROW[column.kind] for column in declared[table]}
        assert written == expected | further[table]
