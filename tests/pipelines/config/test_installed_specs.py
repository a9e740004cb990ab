"""A spec that does not load is missing by itself: every other one is as it was."""

import os
import shutil
from pathlib import Path

import pytest

from expectations.contract import InputError
from pipelines import steps
from pipelines.config.installation.settings import load_settings
from pipelines.config.installed_specs import load_catalogue, load_registered
from pipelines.config.spec import SPECS, list_specs, load_spec
from tests.pipelines.nights import QUIET
from tests.pipelines.nights import SPEC as CARDS

pytestmark = QUIET


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with one good spec of its own, beside the shipped one."""
    specs = tmp_path / "specs"
    specs.mkdir()
    (specs / "cards.toml").write_text(CARDS)
    monkeypatch.setenv("OVERNIGHT_SPECS", str(specs))
    monkeypatch.setenv("OVERNIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    load_settings.cache_clear()
    yield specs
    load_settings.cache_clear()


def not_toml(folder: Path) -> None:
    (folder / "broken.toml").write_text('[source]\npath = "x\n')


def not_text(folder: Path) -> None:
    (folder / "broken.toml").write_bytes(b"\xff\xfe\x00")


def a_directory(folder: Path) -> None:
    (folder / "broken.toml").mkdir()


def a_dangling_link(folder: Path) -> None:
    (folder / "broken.toml").symlink_to(folder / "gone")


def a_circle_of_links(folder: Path) -> None:
    (folder / "broken.toml").symlink_to(folder / "broken.toml")


def a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "broken.toml")


def another_specs_name(folder: Path) -> None:
    (folder / "broken.toml").write_text(f'name = "cards"\n{CARDS}')


def no_cron(folder: Path) -> None:
    (folder / "broken.toml").write_text(f'{CARDS}\n[schedule]\nnightly = "0 2 * *"\n')


def a_day_that_never_comes(folder: Path) -> None:
    (folder / "broken.toml").write_text(f'{CARDS}\n[schedule]\ndeploy = "0 2 30 2 *"\n')


FAULTS = {
    not_toml: "broken.toml is not TOML",
    not_text: "broken.toml is not UTF-8",
    a_directory: "broken.toml is no file",
    a_dangling_link: "broken.toml is no file",
    a_circle_of_links: "broken.toml is no file",
    a_pipe: "broken.toml is no file",
    another_specs_name: "name: 'cards' is not the file's",
    no_cron: "schedule.nightly: got '0 2 * *'",
    a_day_that_never_comes: "schedule.deploy: got '0 2 30 2 *'",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_one_that_does_not_load_leaves_the_others(folder: Path, fault) -> None:
    fault(folder)
    found = load_catalogue()
    assert list(found.specs) == ["cards", "demo"]
    assert list(found.broken) == ["broken"]
    assert FAULTS[fault] in found.broken["broken"]


@pytest.mark.parametrize("fault", [not_toml, a_directory], ids=lambda fault: fault.__name__)
def test_status_has_a_line_for_each_that_loads_and_the_message_of_each_that_does_not(
    folder: Path, fault
) -> None:
    fault(folder)
    (folder / "worse.toml").write_text("[source]\n")
    lines = steps.status().splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == [
        "cards", "demo", "broken", "worse",
    ]  # fmt: skip
    text = "\n".join(lines)
    assert FAULTS[fault] in text
    assert "source.roles: missing" in text


def test_a_folder_of_specs_that_is_not_there_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERNIGHT_SPECS", str(folder / "nowhere"))
    found = load_catalogue()
    assert list(found.specs) == ["demo"]
    assert "OVERNIGHT_SPECS" in found.broken["OVERNIGHT_SPECS"]


def test_an_installations_own_spec_stands_before_a_shipped_one_of_its_name(folder: Path) -> None:
    (folder / "demo.toml").write_text(CARDS)
    assert load_catalogue().specs["demo"].source.path == "none.parquet"


@pytest.mark.usefixtures("folder")
def test_an_example_is_found_by_its_name_and_is_none_of_the_installations() -> None:
    assert "handbook" not in list_specs()
    assert load_spec("handbook").name == "handbook"
    assert (SPECS / "examples/handbook.toml").is_file()


DECIDING = {
    "approve": ("1", "good"), "reject": ("1", "bad"), "reconcile": (), "candidate": (),
    "answer": ("1", "approve", "good", "ada"), "plan": (), "roll_out": (), "verify": ("1",),
    "finalise": ("1", "PROMOTED"), "deploy": (), "rollback": (), "shadow": ("1",),
    "split": ("1", "why"), "end": (), "score": (), "score_batch": ("2025-01-01",),
    "disagreements": (), "review": ("1",), "decisions": (), "rehearse": ("1",),
}  # fmt: skip


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("step", DECIDING)
@pytest.mark.parametrize("change", ["training.seed=2", "gate.margin=-1", "", "&"])
def test_what_decides_or_acts_takes_no_spec_that_is_changed_for_a_run(
    step: str, change: str
) -> None:
    with pytest.raises(InputError, match="for one run"):
        getattr(steps, step)(f"cards?{change}", *DECIDING[step])


def test_every_step_that_is_none_of_a_night_is_tried_here() -> None:
    nightly = {link.step for link in (*steps.OPENING, *steps.NIGHTLY)}
    others = set(steps.EVERY_STEP) - nightly
    assert {step.__name__ for step in others} - {"status", "check_lake"} == set(DECIDING) - {
        "reconcile"
    }


@pytest.mark.usefixtures("folder")
def test_a_file_elsewhere_does_not_stand_in_for_the_installations_spec(tmp_path: Path) -> None:
    mine = tmp_path / "mine/cards.toml"
    mine.parent.mkdir()
    mine.write_text(f"{CARDS}\n[approval]\nfour_eyes = false\n")
    with pytest.raises(InputError, match="is not the spec cards of this installation"):
        load_registered(str(mine))
    with pytest.raises(InputError, match="is not the spec cards of this installation"):
        steps.approve(str(mine), "1", "because")
    shutil.copy(SPECS / "demo.toml", mine.with_name("demo.toml"))
    with pytest.raises(InputError, match="is not the spec demo of this installation"):
        load_registered(str(mine.with_name("demo.toml")))


def test_the_same_file_by_another_way_is_the_installations_spec(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(folder)
    for way in (folder / "cards.toml", tmp_path / "link/cards.toml"):
        assert load_registered(str(way)) == load_registered("cards")
