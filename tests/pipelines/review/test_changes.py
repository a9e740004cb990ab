"""What is different between two models, and where a picture's lines and ticks stand."""

import pytest

from pipelines.modelling.data_summary import TableSummary
from pipelines.review.report.changes import (
    Change,
    data_changes,
    differences,
    feature_changes,
    threshold_changes,
)
from pipelines.review.report.svg import Axis, Plot
from tests.pipelines.evaluation_records import CANDIDATE, CHAMPION

DASH = "\N{EN DASH}"


def test_only_what_is_different_is_a_change() -> None:
    before, after = (
        {"rounds": "50", "seed": "7", "old": "1"},
        {"rounds": "60", "seed": "7", "new": "2"},
    )
    assert list(differences(before, after)) == [
        Change("rounds", "50", "60"), Change("old", "1", DASH), Change("new", DASH, "2"),
    ]  # fmt: skip


def test_features_and_thresholds_are_compared_by_what_models_read() -> None:
    assert feature_changes(CANDIDATE, CHAMPION, words={"hour": "hour(event_time)"}) == [
        Change("country", "categorical", DASH),
        Change("hour", DASH, "numeric", "hour(event_time)"),
    ]
    assert threshold_changes(CANDIDATE, CHAMPION) == [Change("threshold", "0.3000", "0.2500")]


def test_data_is_compared_by_rows_windows_and_hashes() -> None:
    sets = [TableSummary("training_sets", v, r, "2025-01-01", "2025-02-07", f) for v, r, f in
            ((2, 10_000, 100), (3, 10_000, 250))]  # fmt: skip
    tags = {"overnight.as_of": "2025-02-10", "overnight.spec_digest": "ab" * 32}
    found = data_changes(
        {**tags, "overnight.as_of": "2025-02-11"}, tags, training_set=sets[1], champion_set=sets[0]
    )
    assert found == [
        Change("training set: version", "v2", "v3"),
        Change("training set: frauds", "100", "250"),
        Change("training set: fraud rate", "1.000 %", "2.500 %"),
        Change("known as of", "2025-02-10", "2025-02-11"),
    ]
    assert data_changes(tags, tags, training_set=sets[0], champion_set=None)[0].before == DASH


@pytest.mark.parametrize(
    ("axis", "names"),
    [
        (Axis("x", 0, 200), ["0", "50", "100", "150", "200"]),
        (Axis("x", -100, 300), ["-100", "0", "100", "200", "300"]),
        (Axis("x", 0, 1, form=".0%"), ["0%", "25%", "50%", "75%", "100%"]),
        (Axis("x", 0.02, 1, is_log=True), ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]),
        (Axis("x", 0.0004, 1, is_log=True), ["0.001", "0.01", "0.1", "1"]),
    ],
)
def test_an_axis_has_round_ticks(axis: Axis, names: list[str]) -> None:
    assert [name for _, name in axis.ticks()] == names


def test_a_line_runs_from_corner_to_corner() -> None:
    plot = Plot("p", "t", "w", Axis("x", 0, 10), Axis("y", 0, 2), (), (), ())
    left, top, right, bottom = plot.frame
    assert plot.path(((0, 0), (5, 1), (10, 2))) == (
        f"M{left} {bottom} L{(left + right) / 2} {(top + bottom) / 2} L{right} {top}"
    )
    # What lies beyond an axis is put on its end.
    assert plot.down(5.0) == top
