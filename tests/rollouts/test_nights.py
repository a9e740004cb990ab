"""Three nights of three dates: every version stays what it was, whatever was trained after it."""

from pathlib import Path

import pytest

from expectations.contract import InputError, OvernightError
from pipelines import steps
from pipelines.cli.compare import compare_runs
from pipelines.config.installation.settings import load_settings
from pipelines.config.references import TableVersion
from pipelines.lake.tables import Lake
from tests.pipelines.forgery import rewrite_in_place, tenfold
from tests.pipelines.nights import QUIET, candidate, write_later_set
from tests.rollouts.rig import NIGHTS, Rig
from tests.rollouts.test_variants import send

pytestmark = QUIET


@pytest.fixture
def third(rig: Rig) -> Rig:
    """The case after its third night: 1 serves, 2 is approved, 3 is the challenger."""
    lake = Lake(load_settings().lake, spec="cards")
    held = lake.latest("training_sets")
    assert held is not None
    training_set = write_later_set(lake, lake.read(held), as_of=NIGHTS[2])
    reference = f"{rig.reference}?training.trials=1&training.lightgbm.members=1&training.seed=3"
    steps.register(reference, NIGHTS[2], candidate(reference, NIGHTS[2], training_set))
    return rig


def test_every_version_is_planned_decided_about_and_served_after_later_nights(
    third: Rig,
) -> None:
    rig, registry = third, third.registry
    sets = [registry.get(str(n)).tags["overnight.training_set"] for n in (1, 2, 3)]
    assert sets == ["training_sets@v1", "training_sets@v2", "training_sets@v3"]
    # Version 2, whose training set is not the newest any more.
    assert " -> " in steps.plan(rig.reference)
    assert rig.deploy() == "endpoints:/cards/2"
    assert "no change" in steps.plan(rig.reference)
    # Version 1, whose training set is the oldest.
    assert steps.rollback(rig.reference, "taken back") == "endpoints:/cards/1"
    assert "no change" in steps.plan(rig.reference)
    assert set(send(rig, 20)) == {"1"}
    # Version 3, beside it.
    assert steps.shadow(rig.reference, "3") == "endpoints:/cards/1+3"
    steps.end(rig.reference)
    steps.split(rig.reference, "3", "is it better?", "50")
    assert set(send(rig, 200)) == {"1", "3"}
    steps.end(rig.reference)
    steps.approve(rig.reference, "3", "better")
    assert " -> " in steps.plan(rig.reference)
    # Each is shown as it was made.
    for number, as_of in enumerate(NIGHTS, start=1):
        shown = steps.review(rig.reference, str(number))
        assert f"training_set: training_sets@v{number}\n" in shown
        assert f"as_of: {as_of}\n" in shown
    compared = compare_runs(rig.reference, ["1", "2", "3"])
    assert all(at in compared for at in sets)
    assert "version 3" in steps.decisions(rig.reference)
    assert "models:/cards/1" in steps.status(rig.reference)
    digests = {r.version: r.digests.data for r in rig.chain.records if r.kind == "registration"}
    assert len(set(digests.values())) == 3
    assert [(r.kind, r.version) for r in rig.chain.records][-7:] == [
        ("promotion", 2), ("rollback", 1), ("shadow", 3), ("end", 3), ("split", 3), ("end", 3),
        ("approval", 3),
    ]  # fmt: skip
    # A version that was taken back stays that.
    with pytest.raises(InputError, match="train a new version"):
        steps.approve(rig.reference, "2", "again")


def test_a_training_file_changed_under_its_old_name_stops_what_is_decided_about_its_versions(
    rig: Rig,
) -> None:
    lake = Lake(load_settings().lake, spec="cards")
    path = Path(lake.files(TableVersion("training_sets", 2))[-1])
    content = path.read_bytes()
    rewrite_in_place(path, tenfold)
    before = rig.kinds()
    for decide in (
        lambda: steps.approve(rig.reference, "2", "good"),
        lambda: steps.plan(rig.reference),
        lambda: steps.deploy(rig.reference),
        lambda: steps.shadow(rig.reference, "2"),
        lambda: steps.split(rig.reference, "2", "is it better?", "50"),
    ):
        with pytest.raises(OvernightError) as caught:
            decide()
        text = str(caught.value)
        assert f"training_sets@v1 to v2: event_day=2025-02-09/{path.name} was changed" in text
        assert '"overnight build-training-set cards --as-of AS_OF"' in text
    assert rig.kinds() == before
    path.write_bytes(content)
    assert " -> " in steps.plan(rig.reference)
