"""Studies that are cut off, joined, given too little, or written by another version."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import optuna
import pytest
import sqlalchemy

from expectations.contract import InputError, OvernightError
from infra.processes.locks import only_one
from tests.training.frames import as_rows, day, make_rows
from training.data.splits import holdout, validation_folds
from training.learners import default_learner
from training.learners.lightgbm.binning import BinnedRows
from training.policy import TrainingPolicy
from training.search.study import TuningResult, load_best, open_study
from training.search.tuning import tune

ROWS = as_rows(make_rows(3_000))
NARROW = {"learning_rate": 0.2, "rounds": 20}

# A worker as a process of its own, which a signal can kill.
WORKER = """
import sys
from tests.training.search.test_tuning import search
from pathlib import Path
trials, worker, workers = map(int, sys.argv[2:])
search(Path(sys.argv[1]), trials=trials, worker=worker, workers=workers)
"""


def policy_of(
    trials: int, workers: int = 1, *, members: int = 3, **given: object
) -> TrainingPolicy:
    return TrainingPolicy(
        train_window="7d", gap="2d", test_window="5d", folds=2, trials=trials, threads=1,
        trials_workers=workers, lightgbm={**NARROW, "members": members}, **given,
    )  # fmt: skip


def search(
    folder: Path, *, trials: int, worker: int = 0, workers: int = 1, **given: object
) -> TuningResult:
    policy = policy_of(trials, workers, **given)
    last = holdout(day(40), policy, maturity=timedelta(days=2))
    return tune(
        ROWS,
        folds=validation_folds(last, policy),
        policy=policy,
        storage=storage_of(folder),
        study="cards",
        worker=worker,
        beginning=lambda: only_one(folder / "begin.lock", doing="the beginning of a trial"),
    )


def storage_of(folder: Path) -> str:
    return f"sqlite:///{folder}/studies.db"


def start(
    folder: Path, *, trials: int, worker: int = 0, workers: int = 1
) -> subprocess.Popen[bytes]:
    arguments = [str(folder), str(trials), str(worker), str(workers)]
    root = str(Path(__file__).parents[3])
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, *arguments],
        env={**os.environ, "PYTHONPATH": root},
        stderr=subprocess.DEVNULL,
    )


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[optuna.Study]:
    with open_study(storage_of(folder), "cards") as study:
        yield study


def trials_of(folder: Path) -> list[tuple[object, ...]]:
    with opened(folder) as study:
        return [
            (t.state.name, t.value, sorted(t.params.items()))
            for t in study.trials
            if t.state.name not in {"FAIL", "WAITING"}
        ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    search(folder, trials=9)
    return folder


def test_a_worker_killed_at_any_moment_ends_with_the_trials_of_one_that_was_not(
    whole: Path, tmp_path: Path
) -> None:
    # Killed four times, each time some way further on, once while a trial is begun.
    for wanted in (1, 2, 4, 6):
        worker = start(tmp_path, trials=9)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and worker.poll() is None:
            with contextlib.suppress(
                optuna.exceptions.StorageInternalError, sqlalchemy.exc.SQLAlchemyError
            ):
                if (tmp_path / "studies.db").exists() and count_begun(tmp_path) >= wanted:
                    break
            time.sleep(0.02)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    best = search(tmp_path, trials=9)
    expected = load_best(storage_of(whole), "cards")
    assert trials_of(tmp_path) == trials_of(whole)
    # Trials that were cut keep their numbers, so only those differ.
    assert (best.params, best.value, best.trials) == (
        expected.params, expected.value, expected.trials,
    )  # fmt: skip


def count_begun(folder: Path) -> int:
    """Trials in the database, read without touching it."""
    engine = sqlalchemy.create_engine(storage_of(folder))
    try:
        with engine.connect() as connection:
            text = "SELECT count(*) FROM trials WHERE state != 'FAIL'"
            return int(connection.execute(sqlalchemy.text(text)).scalar() or 0)
    finally:
        engine.dispose()


def test_two_workers_search_one_study_and_lose_no_trial(tmp_path: Path) -> None:
    workers = [start(tmp_path, trials=40, worker=n, workers=2) for n in range(2)]
    assert [worker.wait(timeout=240) for worker in workers] == [0, 0]
    with opened(tmp_path) as study:
        done = [t for t in study.trials if t.state.name in {"COMPLETE", "PRUNED"}]
        assert {t.user_attrs["worker"] for t in done} == {0, 1}
        # None twice and none too many: one worker begins a trial at a time.
        assert len(done) == 40
        points = default_learner().starting_params(policy_of(40))
        drawn = [{k: t.params[k] for k in point if k in t.params}
                 for point, t in zip(points, done, strict=False)]  # fmt: skip
        assert [point | d for point, d in zip(points, drawn, strict=True)] == points


# Until Optuna no longer calls heartbeats experimental, as in `study`.
@pytest.mark.filterwarnings("ignore:.*(heartbeat|fail_stale)")
def test_a_trial_that_finishes_while_trials_are_counted_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three trials wanted, another worker's one ends just when this one has read its own two."""
    with opened(tmp_path) as study:
        others = study.ask()
        others.set_user_attr("worker", 1)
        others.set_user_attr("point", dict(NARROW))
    read = optuna.Study.get_trials
    is_counting = False

    def read_and_finish(study: optuna.Study, **given: object) -> list[optuna.trial.FrozenTrial]:
        trials = read(study, **given)  # type: ignore[arg-type]
        if is_counting and sum(t.state.is_finished() for t in trials) == 2:
            study.tell(others.number, 0.1, skip_if_finished=True)
        return trials

    @contextlib.contextmanager
    def beginning() -> Iterator[None]:
        nonlocal is_counting
        is_counting = True
        yield
        is_counting = False

    monkeypatch.setattr(optuna.Study, "get_trials", read_and_finish)
    policy = policy_of(3, 2)
    last = holdout(day(40), policy, maturity=timedelta(days=2))
    best = tune(
        ROWS, folds=validation_folds(last, policy), policy=policy, storage=storage_of(tmp_path),
        study="cards", worker=0, beginning=beginning,
    )  # fmt: skip
    assert (best.trials, best.finished) == (3, 3)


def test_of_more_trials_than_were_asked_for_the_first_decide(whole: Path) -> None:
    """Each prefix of nine trials, judged by hand: the highest value, the earlier of equals."""
    with opened(whole) as study:
        done = [t for t in study.trials if t.state.name in {"COMPLETE", "PRUNED"}]
    for count in range(1, 10):
        complete = [t for t in done[:count] if t.state.name == "COMPLETE"]
        best = sorted(complete, key=lambda t: (-t.value, t.number))[0]
        found = load_best(storage_of(whole), "cards", trials=count)
        assert (found.number, found.value, found.trials) == (best.number, best.value, count)
        assert found.finished == 9
        assert search(whole, trials=count) == found
    assert len(trials_of(whole)) == 9


def test_a_time_budget_takes_the_trials_that_it_would_have_held(whole: Path) -> None:
    """By the mean of those before it, the next has to end in time; the first always counts."""
    with opened(whole) as study:
        spent = [t.duration for t in study.trials if t.state.name in {"COMPLETE", "PRUNED"}]
    for kept in (1, 4, 9):
        held = sum(spent[:kept], timedelta())
        # Enough for these and, as all trials before them, for each next one by the mean.
        needed = max(sum(spent[:n], timedelta()) * (n + 1) / n for n in range(1, kept + 1))
        assert needed >= held
        least = min(
            (n for n in range(kept, 10) if sum(spent[:n], timedelta()) * (n + 1) / n > needed),
            default=9,
        )
        found = load_best(storage_of(whole), "cards", trials=9, time_budget=needed)
        assert found.trials == least
    assert load_best(storage_of(whole), "cards", time_budget=timedelta()).trials == 1


def test_a_finished_study_is_not_searched_again(whole: Path) -> None:
    before = trials_of(whole)
    assert search(whole, trials=9) == load_best(storage_of(whole), "cards")
    assert trials_of(whole) == before


def test_more_trials_go_on_with_the_same_study(whole: Path, tmp_path: Path) -> None:
    search(tmp_path, trials=4)
    search(tmp_path, trials=9)
    assert trials_of(tmp_path) == trials_of(whole)


def test_the_best_trial_is_worth_what_its_parameters_give(whole: Path) -> None:
    import numpy as np
    from sklearn.metrics import average_precision_score

    from training.data.dataset import test_rows
    from training.learners.lightgbm.fit import fit

    best = load_best(storage_of(whole), "cards")
    policy = policy_of(1, members=1)
    folds = validation_folds(holdout(day(40), policy, maturity=timedelta(days=2)), policy)
    values = []
    for fold in folds:
        model = fit(ROWS, fold.train, params=best.params, policy=policy)
        test = test_rows(ROWS, fold, policy)
        values.append(average_precision_score(test.labels, model.predict(test)))
    # Bins of the later fold come from its own rows here, from the oldest fold's in the study.
    assert best.value == pytest.approx(np.mean(values), abs=0.05)
    assert best.value > 2 * ROWS.labels.mean()


def test_a_budget_too_small_for_one_trial_still_runs_one(tmp_path: Path) -> None:
    assert search(tmp_path, trials=5, time_budget="0s").trials == 1


def test_a_time_budget_is_not_renewed_by_a_restart(tmp_path: Path) -> None:
    search(tmp_path, trials=5, time_budget="0s")
    assert search(tmp_path, trials=5, time_budget="0s").trials == 1


def test_an_unknown_study_is_refused_with_the_step_to_run(whole: Path) -> None:
    with pytest.raises(InputError, match="There is no finished study other"):
        load_best(storage_of(whole), "other")


def test_a_study_of_another_version_is_refused_with_the_remedy(tmp_path: Path) -> None:
    search(tmp_path, trials=1)
    with opened(tmp_path) as study:
        study.set_user_attr("format", 1)
    with pytest.raises(InputError, match=r"has the format 1, and this version reads 2\. Delete it"):
        search(tmp_path, trials=1)


def test_a_database_of_another_optuna_is_refused_with_the_remedy(tmp_path: Path) -> None:
    search(tmp_path, trials=1)
    engine = sqlalchemy.create_engine(storage_of(tmp_path))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = 'v99'"))
    engine.dispose()
    with pytest.raises(InputError, match="written by another version of Optuna"):
        search(tmp_path, trials=1)


def test_a_database_that_never_opens_is_told_after_some_tries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with (
        pytest.raises(OvernightError, match=r"studies .*nowhere.* does not open: .*unable to open"),
        open_study(storage_of(tmp_path / "nowhere"), "cards"),
    ):
        pass
    assert pauses == [1, 2, 3]


def test_what_the_policy_gives_is_not_drawn() -> None:
    study = optuna.create_study()
    trial = study.ask()
    point = default_learner().suggest(
        trial, TrainingPolicy(lightgbm={"max_bin": 63, "negative_rate": 0.5})
    )
    assert (point["max_bin"], point["negative_rate"]) == (63, 0.5)
    assert not {"max_bin", "negative_rate"} & set(trial.params)
    assert point["history"] in {"14d", "28d"}


def test_bins_of_a_search_do_not_depend_on_what_came_after_its_oldest_train_window() -> None:
    """Change every later value: the same rows fall into the same bins, so give the same trees."""
    import lightgbm as lgb
    import numpy as np
    import pyarrow as pa

    from training.data.dataset import Dataset
    from training.learners.lightgbm.binning import fixed_params
    from training.learners.row_selection import Selection

    policy = policy_of(1)
    folds = validation_folds(holdout(day(40), policy, maturity=timedelta(days=2)), policy)
    first, end = ROWS.bounds(folds[0].train)
    later = np.arange(len(ROWS)) >= end
    changed = ROWS.matrix.set_column(
        0, "amount", pa.array(np.where(later, 7e4, ROWS.matrix["amount"].to_numpy()), pa.float32())
    )
    texts = []
    for matrix in (ROWS.matrix, changed):
        binned = BinnedRows(
            Dataset(matrix, ROWS.metadata, ROWS.encoding), folds[0].train, policy=policy
        )
        setting = {"max_bin": 63, "min_data_in_bin": 1}
        dataset = binned.select(Selection(np.arange(first, end)), setting)
        texts.append(lgb.train(fixed_params(policy), dataset, 5).model_to_string())
    assert texts[0] == texts[1]


def test_rows_of_a_bin_setting_that_comes_back_are_those_that_were_binned(tmp_path: Path) -> None:
    import lightgbm as lgb
    import numpy as np

    from training.learners.lightgbm.binning import fixed_params
    from training.learners.row_selection import Selection

    policy = policy_of(1)
    window = validation_folds(holdout(day(40), policy, maturity=timedelta(days=2)), policy)[0].train
    binned = BinnedRows(ROWS, window, policy=policy, folder=tmp_path)
    chosen = Selection(np.arange(500), np.linspace(1, 2, 500, dtype=np.float32))
    texts = []
    for max_bin in (63, 255, 63):
        dataset = binned.select(chosen, {"max_bin": max_bin, "min_data_in_bin": 1})
        texts.append(lgb.train(fixed_params(policy), dataset, 5).model_to_string())
    # The trees; behind them stand the parameters, which name the file's columns otherwise.
    texts = [text.partition("parameters:")[0] for text in texts]
    assert texts[0] == texts[2]
    assert texts[0] != texts[1]
