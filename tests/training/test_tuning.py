import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import optuna
import pytest

from expectations.contract import InputError
from tests.training.frames import COLUMNS, day, make_rows
from training.policy import TrainingPolicy
from training.splits import holdout, validation_folds
from training.tuning import TuningResult, load_best, tune

ROWS = make_rows(3_000)


def search(folder: Path, *, trials: int, study: str = "cards") -> TuningResult:
    policy = TrainingPolicy(
        train_window="7d", gap="2d", test_window="5d", folds=2, trials=trials, threads=1
    )
    last = holdout(day(40), policy, maturity=timedelta(days=2))
    return tune(
        ROWS,
        columns=COLUMNS,
        folds=validation_folds(last, policy),
        policy=policy,
        storage=f"sqlite:///{folder}/studies.db",
        study=study,
    )


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[optuna.Study]:
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder}/studies.db")
    yield optuna.load_study(study_name="cards", storage=storage)
    storage.remove_session()
    storage.engine.dispose()


def trials_of(folder: Path) -> list[tuple[object, ...]]:
    with opened(folder) as study:
        return [
            (t.state.name, t.value, sorted(t.params.items()))
            for t in study.trials
            if t.state.name != "FAIL"
        ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    search(folder, trials=5)
    return folder


def test_a_study_that_was_cut_draws_what_an_uncut_one_draws(whole: Path, tmp_path: Path) -> None:
    search(tmp_path, trials=2)
    # A worker that was killed in the middle of a trial leaves it running.
    with opened(tmp_path) as study:
        study.ask()
    search(tmp_path, trials=5)
    assert trials_of(tmp_path) == trials_of(whole)


def test_a_finished_study_is_not_searched_again(whole: Path) -> None:
    before = trials_of(whole)
    assert search(whole, trials=5) == load_best(f"sqlite:///{whole}/studies.db", "cards")
    assert trials_of(whole) == before


def test_the_best_trial_beats_chance(whole: Path) -> None:
    share = sum(ROWS["is_fraud"].to_pylist()) / ROWS.num_rows
    assert load_best(f"sqlite:///{whole}/studies.db", "cards").value > 2 * share


def test_an_unknown_study_is_refused_with_the_step_to_run(whole: Path) -> None:
    with pytest.raises(InputError, match="There is no finished study other"):
        load_best(f"sqlite:///{whole}/studies.db", "other")
