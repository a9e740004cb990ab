"""Ids that stand twice, against a dictionary of all ids."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from expectations.profile import IdRange, Repeats, find_repeats, repeated_ids

Days = dict[str, pa.Array]


def find(days: Days, **more: object) -> Repeats:
    ranges = {day: IdRange.of(pa.chunked_array([ids])) for day, ids in days.items()}
    return find_repeats(ranges, days.__getitem__, **more)


def brute_force(days: Days) -> tuple[dict[str, int], list[object]]:
    seen: set[object] = set()
    counts: dict[str, int] = {}
    examples = []
    for day in sorted(days):
        for number in days[day].drop_null().to_pylist():
            if number in seen:
                counts[day] = counts.get(day, 0) + 1
                examples.append(number)
            seen.add(number)
    return counts, examples[:10]


def generated(kind: str) -> Iterator[Days]:
    for seed in range(30):
        random = np.random.default_rng(seed)
        days = {}
        for day in range(6):
            near = {"near": 40 * day, "far": 0, "apart": 400 * day}[kind.partition(" ")[0]]
            ids = near + random.integers(0, 400, size=int(random.integers(1, 9)))
            listed = [f"id {n}" for n in ids] if "text" in kind else ids.tolist()
            days[f"2025-01-0{day + 1}"] = pa.array([*listed, *([None] if day == 3 else [])])
        yield days


@pytest.mark.parametrize("kind", ["near", "far", "apart", "near text", "far text"])
@pytest.mark.parametrize("most", [10_000, 7])
def test_repeats_are_those_of_a_dictionary(
    kind: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeated_ids, "MOST_KEYS", most)
    found = 0
    for days in generated(kind):
        repeats = find(days)
        counts, examples = brute_force(days)
        assert (dict(repeats.counts), list(repeats.examples)) == (counts, examples)
        found += bool(counts)
    assert found > 0 or kind == "apart"


@pytest.mark.parametrize("kind", ["near", "far", "far text"])
def test_days_that_were_compared_are_compared_with_others_only(kind: str) -> None:
    hits = 0
    for days in generated(kind):
        earlier = {day: days[day].drop_null().unique() for day in list(days)[:3]}
        if brute_force(earlier)[0]:
            continue
        now = days | earlier
        repeats = find(now, compared=set(earlier))
        counts, examples = brute_force(now)
        assert (dict(repeats.counts), list(repeats.examples)) == (counts, examples)
        hits += bool(counts)
    assert hits > 0


def test_ids_that_grow_with_time_are_not_read() -> None:
    days = {f"2025-01-0{day}": IdRange(10, 10 * day, 10 * day + 9, True) for day in range(1, 9)}
    assert find_repeats(days, lambda day: pytest.fail(f"{day} was read")) == Repeats()


def test_a_new_day_is_compared_with_days_whose_ids_it_meets() -> None:
    read = []

    def ids_of(day: str) -> pa.Array:
        read.append(day)
        return pa.array({"2025-01-01": [1, 5], "2025-01-02": [6, 9], "2025-01-03": [8, 20]}[day])

    days = {
        "2025-01-01": IdRange(2, 1, 5, True),
        "2025-01-02": IdRange(2, 6, 9, True),
        "2025-01-03": IdRange(2, 8, 20, True),
    }
    assert find_repeats(days, ids_of, compared={"2025-01-01", "2025-01-02"}) == Repeats()
    assert sorted(read) == ["2025-01-02", "2025-01-03"]


def test_ids_of_two_types_are_compared() -> None:
    days = {"2025-01-01": pa.array(["7"]), "2025-01-02": pa.array(["7", "8"])}
    ranges = {"2025-01-01": IdRange(1, 7, 7, True), "2025-01-02": IdRange(2, "7", "8", True)}
    assert find_repeats(ranges, days.__getitem__).counts == {"2025-01-02": 1}
