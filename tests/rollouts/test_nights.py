"""Three nights of three dates: every version stays what it was, whatever was trained after it."""

from collections.abc import Iterator

import pytest

from expectations.contract import InputError
from pipelines import steps
from pipelines.differences import compare_runs
from pipelines.lake import Lake
from pipelines.settings import load_settings
from tests.pipelines.nights import QUIET, candidate, write_later_set
from tests.rollouts.house import NIGHTS, House
from tests.rollouts.test_companions import send

pytestmark = QUIET


@pytest.fixture
def third(house: House) -> Iterator[House]:
    """The case after its third night: 1 serves, 2 is approved, 3 is the challenger."""
    lake = Lake(load_settings().lake, spec="cards")
    held = lake.newest("training_sets")
    assert held is not None
    training_set = write_later_set(lake, lake.read(held), as_of=NIGHTS[2])
    reference = f"{house.reference}&training.trials=1&training.members=1&training.seed=3"
    steps.register(reference, NIGHTS[2], candidate(reference, NIGHTS[2], training_set))
    yield house


def test_every_version_is_planned_decided_about_and_served_after_later_nights(
    third: House,
) -> None:
    house, registry = third, third.registry
    sets = [registry.get(str(n)).tags["overnight.training_set"] for n in (1, 2, 3)]
    assert sets == ["training_sets@v1", "training_sets@v2", "training_sets@v3"]
    # Version 2, whose training set is not the newest any more.
    assert "would be" in steps.plan(house.reference) or " -> " in steps.plan(house.reference)
    assert house.deploy() == "endpoints:/cards/2"
    assert "no change" in steps.plan(house.reference)
    # Version 1, whose training set is the oldest.
    assert steps.rollback(house.reference, "taken back") == "endpoints:/cards/1"
    assert "no change" in steps.plan(house.reference)
    assert set(send(house, 20)) == {"1"}
    # Version 3, beside it.
    assert steps.shadow(house.reference, "3") == "endpoints:/cards/1+3"
    steps.end(house.reference)
    steps.split(house.reference, "3", "is it better?", "50")
    assert set(send(house, 200)) == {"1", "3"}
    steps.end(house.reference)
    steps.approve(house.reference, "3", "better")
    assert " -> " in steps.plan(house.reference)
    # Each is shown as it was made.
    for number, as_of in enumerate(NIGHTS, start=1):
        shown = steps.review(house.reference, str(number))
        assert f"training_set: training_sets@v{number}\n" in shown
        assert f"as_of: {as_of}\n" in shown
    compared = compare_runs(house.reference, ["1", "2", "3"])
    assert all(at in compared for at in sets)
    assert "version 3" in steps.decisions(house.reference)
    assert "models:/cards/1" in steps.status(house.reference)
    digests = {r.version: r.digests.data for r in house.chain.records if r.kind == "registration"}
    assert len(set(digests.values())) == 3
    kinds = [(r.kind, r.version) for r in house.chain.records][-8:]
    assert kinds == [
        ("promotion", 2), ("rollback", 1), ("shadow", 3), ("end", 3), ("split", 3), ("end", 3),
        ("approval", 3),
    ][-8:]  # fmt: skip
    # A version that was taken back stays that.
    with pytest.raises(InputError, match="train a new version"):
        steps.approve(house.reference, "2", "again")
