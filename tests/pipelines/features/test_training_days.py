"""A training set made day by day is the one made at once, and only changed days are made again."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expectations.contract import InputError
from pipelines.config.references import TableVersion
from pipelines.config.spec import ModelSpec, load_spec
from pipelines.features.training_set import MADE_OF, assemble, needed_span
from pipelines.lake.tables import Lake
from tests.pipelines.banks import SPEC
from tests.pipelines.forgery import rewrite_in_place, tenfold
from tests.pipelines.versions import START, History, at, day

COLUMN = 'column = "fraud"\ndelay = "2d"'
REPORTS = 'path = "reports.parquet"\ntransaction_id = "id"\nknown_time = "known"'
TRAINING = """
[training]
train_window = "4d"
gap = "3d"
test_window = "2d"
folds = 1
"""


def declare(folder: Path, *, labels: str = COLUMN, maturity: str = "2d") -> ModelSpec:
    text = SPEC.format(
        file=folder / "none.parquet", form="parquet", known='known_time = "seen"', share=0.5,
        labels=labels.replace("reports", f"{folder}/reports"), contract=TRAINING,
    )  # fmt: skip
    (folder / "cards.toml").write_text(text.replace('maturity = "7d"', f'maturity = "{maturity}"'))
    return load_spec(str(folder / "cards.toml"))


def labelled(history: History, spec: ModelSpec, as_of: datetime) -> dict[int, int]:
    """The label of every row of the training set, from the dictionaries alone."""
    span, found = needed_span(spec, as_of), {}
    for row in history.versions():
        number, event = row["transaction_id"], row["event_time"]
        if not (row["is_first"] and row["known_time"] < as_of and span.start <= event < span.end):
            continue
        if event >= as_of - spec.labels.maturity:
            continue
        known = [k for n, k in history.labels if n == number and at(k) < as_of]
        label = None if spec.labels.column else 0
        if known:
            label = history.labels[number, max(known)]
        if label is not None:
            found[number] = label
    return found


class Sets:
    """The training sets of one lake."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.table = folder, "training_sets"
        self.lake = Lake(str(folder / "lake"), spec="cards")

    def write(self, history: History) -> None:
        self.snapshot = history.write(self.lake)
        self.features: TableVersion = history.write_features(self.lake)

    def build(self, spec: ModelSpec, as_of: datetime, table: str = "training_sets") -> TableVersion:
        return assemble(
            spec, self.lake, table, as_of=as_of.isoformat(), pinned=self.snapshot,
            features=self.features,
        )  # fmt: skip

    def labels(self, version: TableVersion) -> dict[int, int]:
        rows = self.lake.read(version, columns=["transaction_id", "is_fraud"]).to_pylist()
        return {row["transaction_id"]: row["is_fraud"] for row in rows}

    def paths(self, version: TableVersion) -> dict[str, str]:
        return {part.day: part.path for part in self.lake.parts(version)}

    def read_only(self, days: set[int]) -> None:
        """Make the features of all other days unreadable."""
        for part in self.lake.parts(self.features):
            if part.day not in {day(n) for n in days}:
                Path(self.lake.folder("features"), part.path).write_bytes(b"not to be read")


MOMENT = st.integers(0, 20 * 4 - 1).map(lambda n: n / 4)
REPORTED = st.sampled_from([0.0, 1.0, 2.0, 4.0, 6.0, 9.0])  # days after the event
ROW = st.tuples(MOMENT, st.sampled_from([0.0, 0.0, 0.5, 3.0]), REPORTED)
LABEL = st.tuples(st.integers(0, 11), REPORTED, st.sampled_from([0, 1, None]))
NIGHT = st.tuples(
    st.lists(LABEL, max_size=4),  # labels that are delivered
    st.sets(st.integers(0, 11), max_size=3),  # rows that are corrected
    st.sampled_from([13.0, 14.0, 14.25, 15.0, 16.0, 21.0]),  # the knowledge time
    st.sampled_from(["2d", "2d", "2d", "3d"]),  # maturity
    st.sampled_from([COLUMN, COLUMN, COLUMN, REPORTS]),
)


@given(rows=st.lists(ROW, min_size=12, max_size=12), nights=st.lists(NIGHT, min_size=2, max_size=4))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_night_makes_the_bytes_of_a_full_rebuild(
    rows: list[Any], nights: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Late, corrected and withdrawn labels; knowledge times that go back; other rules."""
    folder = tmp_path_factory.mktemp("sets")
    sets, history = Sets(folder), History()
    for number, (event, wait, reported) in enumerate(rows):
        history.rows[number, event + wait] = (event, 5.0)
        history.labels[number, event + reported] = number % 2
    for night, (labels, corrected, as_of, maturity, form) in enumerate(nights):
        for number, wait, label in labels:
            history.labels[number, rows[number][0] + wait] = label
        for number in corrected:  # known earlier than what is filed: another first version
            event = rows[number][0]
            history.rows[number, event] = (event, 6.0 + night)
        spec, known_at = declare(folder, labels=form, maturity=maturity), at(as_of)
        sets.write(history)
        expected = labelled(history, spec, known_at)
        if not expected:
            with pytest.raises(InputError, match="No matured transaction"):
                sets.build(spec, known_at)
            continue
        made = sets.build(spec, known_at)
        rebuilt = sets.build(spec, known_at, f"rebuilt_{night}")
        assert sets.labels(made) == expected
        assert sets.paths(made) == sets.paths(rebuilt)
        assert sets.lake.note(made, MADE_OF) == sets.lake.note(rebuilt, MADE_OF)
        assert sets.lake.schema(made) == sets.lake.schema(rebuilt)
        assert sets.build(spec, known_at) == made


@pytest.fixture
def history() -> History:
    """Two rows a day for twenty days, labelled two days later; every fourth is a fraud."""
    rows = {(2 * d + n, d + n / 2): (d + n / 2, 5.0) for d in range(20) for n in (0, 1)}
    labels = {(n, known + 2): int(n % 4 == 0) for n, known in rows}
    return History(dict(rows), dict(labels))


# As of day 16 the rows of days 4 to 13 are taken: two days of tests, a gap of three days and four
# of training; the fold before tests on the two days before that.
FIRST = 16


@pytest.fixture
def sets(tmp_path: Path, history: History) -> Sets:
    made = Sets(tmp_path)
    made.write(history)
    version = made.build(declare(tmp_path), at(FIRST))
    span = needed_span(declare(tmp_path), at(FIRST))
    first = (span.start - START).days
    assert list(made.paths(version)) == [day(n) for n in range(first, 14)]
    return made


def same_labels(history: History) -> None:
    pass


def late_report(history: History) -> None:
    history.labels[2 * 8 + 1, FIRST + 0.5] = 1


def report_that_is_not_known_yet(history: History) -> None:
    history.labels[2 * 8 + 1, FIRST + 1.5] = 1


def withdrawn_label(history: History) -> None:
    history.labels[2 * 9, FIRST + 0.5] = None


def corrected_row(history: History) -> None:
    history.rows[2 * 9, FIRST + 0.5] = (9.0, 7.0)


def restated_row(history: History) -> None:
    history.rows[2 * 9, 9.0] = (9.0, 7.0)


# The day that enters, and the day whose rows changed; a part of labels that got a row is read.
MADE = {
    same_labels: {14},
    late_report: {14, 8},
    report_that_is_not_known_yet: {14, 8},
    withdrawn_label: {14, 9},
    corrected_row: {14},
    restated_row: {14, 9},
}


@pytest.mark.parametrize("happen", MADE, ids=lambda each: each.__name__)
def test_a_night_makes_the_days_that_changed(happen: Any, sets: Sets, history: History) -> None:
    happen(history)
    sets.write(history)
    sets.read_only(MADE[happen])
    spec = declare(sets.folder)
    made = sets.build(spec, at(FIRST + 1))
    assert sets.labels(made) == labelled(history, spec, at(FIRST + 1))


def test_a_report_that_was_filed_before_it_was_known_counts_on_its_day(
    sets: Sets, history: History
) -> None:
    report_that_is_not_known_yet(history)
    sets.write(history)
    spec = declare(sets.folder)
    first = sets.build(spec, at(FIRST + 1))
    second = sets.build(spec, at(FIRST + 2))
    assert (sets.labels(first)[17], sets.labels(second)[17]) == (0, 1)
    changed = dict(sets.paths(second).items() - sets.paths(first).items())
    assert sorted(changed) == [day(8), day(15)]


def test_a_row_that_arrived_late_counts_from_then(sets: Sets, history: History) -> None:
    history.rows[500, FIRST + 0.5] = (8.25, 5.0)
    history.labels[500, 10.0] = 1
    sets.write(history)
    spec = declare(sets.folder)
    first, second = sets.build(spec, at(FIRST)), sets.build(spec, at(FIRST + 1))
    assert 500 not in sets.labels(first)
    assert sets.labels(second)[500] == 1


def test_a_withdrawn_report_is_unknown_and_no_report_is_legitimate(
    sets: Sets, history: History
) -> None:
    history.labels = {(16, 9.0): 1, (16, 12.0): None, (17, 9.0): 1}
    sets.write(history)
    found = sets.labels(sets.build(declare(sets.folder, labels=REPORTS), at(FIRST)))
    assert 16 not in found
    assert (found[17], found[18]) == (1, 0)


def test_a_report_does_not_count_as_of_a_time_before_it(sets: Sets, history: History) -> None:
    late_report(history)
    sets.write(history)
    spec = declare(sets.folder)
    later, earlier = sets.build(spec, at(FIRST + 1)), sets.build(spec, at(FIRST))
    assert (sets.labels(later)[17], sets.labels(earlier)[17]) == (1, 0)


def test_damaged_days_are_made_again_beside_new_ones(sets: Sets) -> None:
    spec = declare(sets.folder)
    current = sets.lake.latest("training_sets")
    assert current is not None
    changed, lost = (Path(name) for name in sets.lake.files(current)[3:5])
    contents = [path.read_bytes() for path in (changed, lost)]
    rewrite_in_place(changed, tenfold)
    lost.unlink()
    made = sets.build(spec, at(FIRST + 1))
    assert sets.lake.find_damage(made) == []
    assert [path.read_bytes() for path in (changed, lost)] == contents


def test_all_parts_are_shown_to_the_checks_before_the_commit(sets: Sets) -> None:
    seen: dict[str, int] = {}
    before = sets.lake.latest("training_sets")

    def refuse(parts: Any) -> None:
        read = (sets.lake.read_part("training_sets", part, columns=["is_fraud"]) for part in parts)
        seen.update({part.day: rows.num_rows for part, rows in zip(parts, read, strict=True)})
        message = "refused"
        raise InputError(message)

    with pytest.raises(InputError, match="refused"):
        assemble(
            declare(sets.folder), sets.lake, "training_sets", pinned=sets.snapshot,
            as_of=at(FIRST + 1).isoformat(), features=sets.features, validate=refuse,
        )  # fmt: skip
    span = needed_span(declare(sets.folder), at(FIRST + 1))
    days = [START + timedelta(days=n) for n in range(20)]
    assert seen == {f"{each:%F}": 2 for each in days if span.start <= each < span.end}
    assert sets.lake.latest("training_sets") == before
