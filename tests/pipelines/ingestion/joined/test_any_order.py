"""Deliveries of a joined table and of transactions in any order give the lake that one gives."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipelines.lake import Lake
from tests.pipelines.ingestion.joined.banks import KNOWN, Bank, customer, row

# Days, a quarter of one apart, on both sides of the end of a month.
times = st.integers(0, 24).map(lambda quarter: 28 + quarter / 4)
customers = st.integers(1, 2)


@dataclass(frozen=True)
class Story:
    """What happened, and the night in which each of it is delivered.

    Attributes:
        rows: time and customer of each transaction, and its night.
        known: segment of a customer from a time on, and its night.
    """

    rows: tuple[tuple[float, int, int], ...]
    known: Mapping[tuple[int, float], tuple[str, int]]


stories = st.builds(
    Story,
    st.lists(st.tuples(times, customers, st.integers(0, 3)), min_size=1, max_size=8).map(tuple),
    st.dictionaries(
        st.tuples(customers, times),
        st.tuples(st.sampled_from(["young", "old", ""]), st.integers(0, 3)),
        max_size=8,
    ),
)


def expected(story: Story, *, max_age: float | None = None) -> dict[str, object]:
    """The segment of each transaction, by going through all that was known."""
    found: dict[str, object] = {}
    for number, (time, who, _) in enumerate(story.rows):
        earlier = [known for (key, known) in story.known if key == who and known <= time]
        newest = max(earlier, default=None)
        is_there = newest is not None and (max_age is None or time - newest < max_age)
        found[f"t{number}"] = (story.known[who, newest][0] or None) if is_there else None
    return found


def tell(bank: Bank, story: Story) -> None:
    bank.write("customers/none.csv", "number,updated,segment,born", [], day=0)
    for night in range(4):
        bank.deliver(
            [
                row(f"t{n}", time, who)
                for n, (time, who, on) in enumerate(story.rows)
                if on == night
            ],
            [
                customer(who, time, segment)
                for (who, time), (segment, on) in story.known.items()
                if on == night
            ],
            day=50 + night,
        )


def has_row(story: Story) -> bool:
    return any(on == 0 for _, _, on in story.rows)


@given(story=stories.filter(has_row), max_age=st.sampled_from([None, 3.0]))
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_any_order_and_division_gives_what_was_known(story: Story, max_age: float | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        more = KNOWN if max_age is None else f'{KNOWN}\nmax_age = "{max_age:.0f}d"'
        # The transactions have known times of their own, so that a late one is as any other.
        bank = Bank(Path(folder), more=more, roles='known_time = "at"')
        tell(bank, story)
        assert bank.segments() == expected(story, max_age=max_age)
        assert len(bank.versions()) == len(story.rows)


@given(story=stories.filter(has_row))
@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_the_stored_table_does_not_depend_on_the_nights(story: Story) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        banks = [Bank(Path(folder)) for folder in (one, other)]
        tell(banks[0], story)
        at_once = {key: (segment, 0) for key, (segment, _) in story.known.items()}
        tell(banks[1], Story(story.rows, at_once))
        assert stored(banks[0]) == stored(banks[1])


def stored(bank: Bank) -> tuple[list[str], list[dict[str, object]]]:
    """The files of the joined table, named by their bytes, and its rows."""
    found = bank.lake.latest("joined_customers")
    if found is None:
        return [], []
    parts = sorted(part.path for part in bank.lake.parts(found))
    return parts, bank.lake.read(found).to_pylist()


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("commits", range(4))
def test_a_night_that_was_killed_at_any_commit_is_completed_by_the_next(
    tmp_path: Path, commits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = Bank(tmp_path)
    bank.deliver([row("a", 3), row("b", 5)], [customer(7, 4, "old")], day=6)
    real, left = Lake.commit, [commits]

    def commit(self: Lake, *args: object, **more: object) -> object:
        if not left[0]:
            raise KilledError
        left[0] -= 1
        return real(self, *args, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as killing:
        killing.setattr(Lake, "commit", commit)
        # Transactions, the joined table, the manifest: the fourth is not reached.
        try:
            bank.deliver([row("c", 6)], [customer(7, 2, "young"), customer(7, 5.5, "")], day=7)
            assert commits == 3
        except KilledError:
            assert commits < 3
    bank.night(7 + timedelta(hours=1) / timedelta(days=1))
    assert bank.segments() == {"a": "young", "b": "old", "c": None}
    assert len(bank.versions()) == 3
    assert len(stored(bank)[1]) == 3
