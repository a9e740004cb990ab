"""Two commands at once, and files that another process has locked."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from expectations.contract import InputError, OvernightError
from pipelines import steps
from pipelines.config.installation.settings import load_settings
from tests.crashes import bank
from tests.pipelines.nights import AS_OF, QUIET, Night

pytestmark = QUIET

OVERNIGHT = str(Path(sys.executable).with_name("overnight"))


def environment(home: Path) -> dict[str, str]:
    held = {k: v for k, v in os.environ.items() if not k.startswith(("OVERNIGHT_", "MLFLOW_"))}
    return {**held, "OVERNIGHT_HOME": str(home), "OVERNIGHT_SPARK": "local[1]"}


def together(commands: list[list[str]], home: Path) -> list[str]:
    """Commands that begin at once and all end well; what each wrote."""
    started = [
        subprocess.Popen(
            [OVERNIGHT, *command], env=environment(home), text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for command in commands
    ]  # fmt: skip
    said = [process.communicate(timeout=500)[0] for process in started]
    assert [process.returncode for process in started] == [0] * len(started), "\n".join(said)
    return said


def rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(database) as connection:
        return connection.execute(query).fetchall()


def test_two_runs_of_one_spec_in_a_new_home_end_as_one(tmp_path: Path) -> None:
    bank.deliver(tmp_path)
    spec, home = str(bank.write_spec(tmp_path, "cards")), tmp_path / "home"
    command = ["run", spec, "--as-of", bank.AS_OF]
    said = together([command, command], home)
    assert [text.splitlines()[-1].split()[1] for text in said] == ["models:/cards/1"] * 2
    assert rows(home / "mlflow.db", "select count(*) from model_versions") == [(1,)]
    query = "select state, count(*) from trials group by state"
    assert sum(int(str(count)) for _, count in rows(home / "studies.db", query)) == 3
    assert not rows(home / "studies.db", "select 1 from trials where state = 'FAIL'")
    decided = subprocess.run(
        [OVERNIGHT, "decisions", spec], env=environment(home), text=True, capture_output=True,
        check=True,
    )  # fmt: skip
    assert "verified: 1 records" in decided.stdout


def test_the_same_worker_twice_runs_no_trial_twice(night: Night) -> None:
    command = [
        "tune", night.reference(training__trials=6, training__seed=5), "--as-of", AS_OF,
        "--training-set", night.training_set,
    ]  # fmt: skip
    said = together([command, command], load_settings().home)
    studies = {text.splitlines()[-1].removeprefix("studies:/") for text in said}
    (name,) = studies
    query = (
        "select state from trials join studies using (study_id) "
        f"where study_name = '{name}'"  # of our own making
    )
    states = [state for (state,) in rows(load_settings().home / "studies.db", query)]
    assert len(states) == 6
    assert set(states) <= {"COMPLETE", "PRUNED"}


@contextmanager
def locked(path: Path, *, seconds: float | None = None) -> Iterator[None]:
    """Nobody else can read or write a file; for so long, or until the block ends."""
    holder = sqlite3.connect(path, check_same_thread=False)
    holder.execute("begin exclusive")
    timer = threading.Timer(seconds or 0, holder.rollback)
    if seconds:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
        holder.rollback()
        holder.close()


@pytest.mark.parametrize("file", ["mlflow.db", "studies.db"])
def test_a_file_that_is_locked_for_a_while_is_waited_for(night: Night, file: str) -> None:
    """Longer than the 20 s that MLflow waits by itself, and the 5 s of SQLite's module."""
    reference = night.reference(training__trials=1, training__lightgbm__members=1)
    study = steps.tune(reference, AS_OF, night.training_set)
    with locked(load_settings().home / file, seconds=23):
        assert steps.train(reference, AS_OF, night.training_set, study).startswith("runs:/")


@pytest.mark.parametrize("file", ["mlflow.db", "studies.db"])
def test_a_file_that_stays_locked_is_told_as_an_outage(
    night: Night, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = night.reference(training__trials=1, training__lightgbm__members=1)
    study = steps.tune(reference, AS_OF, night.training_set)
    home = load_settings().home
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home}/mlflow.db?timeout=1")
    monkeypatch.setenv("OVERNIGHT_STUDIES", f"sqlite:///{home}/studies.db?timeout=1")
    load_settings.cache_clear()
    try:
        with (
            locked(home / file),
            pytest.raises(OvernightError, match="stays locked by another process") as told,
        ):
            steps.train(reference, AS_OF, night.training_set, study)
    finally:
        monkeypatch.undo()
        load_settings.cache_clear()
    assert not isinstance(told.value, InputError)
