"""Searches LightGBM's parameters with Optuna; a study that was cut off goes on where it stopped.

The objective is the mean average precision over validation folds. A fold is binned once per
`max_bin`, however many trials read it; a trial that falls behind is pruned after a fold.
"""

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import optuna
import pyarrow as pa
from optuna.trial import TrialState
from sklearn.metrics import average_precision_score

from expectations.contract import LABEL, AttributeKind, InputError
from training.fitting import BINNING, bin_rows, fixed_params
from training.matrix import learn_encoding
from training.policy import TrainingPolicy
from training.rows import test_rows, train_rows
from training.splits import Fold

MAX_ROUNDS = 400
PATIENCE = 40
ROUNDS = "rounds"

# Two points known to do well on fraud, whose rarity makes fine bins and no automatic intercept
# matter; a search of few trials starts from them.
KNOWN_GOOD: tuple[dict[str, float | int | bool], ...] = (
    {"max_bin": 1023, "boost_from_average": False, "learning_rate": 0.1, "max_depth": 4,
     "min_data_in_leaf": 20, "lambda_l2": 1.0, "feature_fraction": 0.8, "bagging_fraction": 1.0},
    {"max_bin": 4095, "boost_from_average": False, "learning_rate": 0.05, "max_depth": 6,
     "min_data_in_leaf": 50, "lambda_l2": 5.0, "feature_fraction": 0.6, "bagging_fraction": 0.8},
)  # fmt: skip

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TuningResult:
    """The best finished trial of a study.

    Attributes:
        value: its mean average precision over the validation folds.
        rounds: mean over the folds of the number of trees at which each was best.
        trials: finished trials of the study, pruned ones included.
    """

    params: Mapping[str, float | int | bool]
    rounds: int
    value: float
    trials: int


def tune(
    rows: pa.Table,
    *,
    columns: Mapping[str, AttributeKind],
    folds: Sequence[Fold],
    policy: TrainingPolicy,
    storage: str,
    study: str,
) -> TuningResult:
    """Run the trials that a study still lacks.

    Args:
        rows: labelled rows that cover the folds.
        columns: the model's columns in order.
        folds: validation folds; the holdout is not among them.
        policy: trials, time budget, seed, threads.
        storage: URL of a relational database.
        study: its name; the same name joins what is there.
    """
    with _connected(storage) as connection:
        opened = _open_study(connection, study)
        _give_up_cut_trials(opened)
        if len(_finished(opened)) < policy.trials:
            _run_trials(opened, _Objective(rows, columns, folds, policy), policy)
        return _best(opened)


def _run_trials(study: optuna.Study, objective: "_Objective", policy: TrainingPolicy) -> None:
    done = len(_finished(study))
    for point in KNOWN_GOOD[done:]:
        study.enqueue_trial(dict(point), skip_if_exists=True)
    budget = policy.time_budget or timedelta.max
    deadline = time.monotonic() + budget.total_seconds()
    for number in range(done, policy.trials):
        if number and time.monotonic() > deadline:
            log.info("Stopped after %d trials: the time budget is spent", number)
            break
        # A seed of each trial's own: a study that was cut draws what an uncut one draws.
        study.sampler = optuna.samplers.TPESampler(seed=policy.seed + number, multivariate=True)
        study.optimize(objective, n_trials=1)
        _report(study, number + 1, policy.trials)


def load_best(storage: str, study: str) -> TuningResult:
    """The best trial of a study made before.

    Raises:
        InputError: when there is no such study or no trial of it finished.
    """
    try:
        with _connected(storage) as connection:
            return _best(optuna.load_study(study_name=study, storage=connection))
    except (KeyError, ValueError) as error:
        raise InputError(f"There is no finished study {study}. Run the tune step first.") from error


@contextlib.contextmanager
def _connected(url: str) -> Iterator[optuna.storages.RDBStorage]:
    """A storage whose connections are closed at the end; Optuna leaves them to the collector."""
    storage = optuna.storages.RDBStorage(url)
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _open_study(storage: optuna.storages.RDBStorage, study: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        storage=storage,
        study_name=study,
        load_if_exists=True,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
    )


def _give_up_cut_trials(study: optuna.Study) -> None:
    """Mark trials of a killed process failed; nobody will finish them."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _best(study: optuna.Study) -> TuningResult:
    best = study.best_trial
    return TuningResult(
        params={**best.params, **_follow(int(best.params["max_depth"]))},
        rounds=int(best.user_attrs[ROUNDS]),
        value=float(best.value or 0.0),
        trials=len(_finished(study)),
    )


def _report(study: optuna.Study, number: int, of: int) -> None:
    # Not the last of all trials: those that wait in the queue stand behind it.
    last = _finished(study)[-1]
    is_pruned = last.state == TrialState.PRUNED
    said = "pruned" if is_pruned else f"average precision {last.value:.4f}"
    log.info("Trial %d of %d: %s, best %.4f", number, of, said, study.best_value)


class _Objective:
    """Scores one point; keeps each fold's binned data between trials."""

    def __init__(
        self,
        rows: pa.Table,
        columns: Mapping[str, AttributeKind],
        folds: Sequence[Fold],
        policy: TrainingPolicy,
    ) -> None:
        self._policy = policy
        self._train = [train_rows(rows, fold) for fold in folds]
        self._encodings = [learn_encoding(train, columns) for train in self._train]
        tests = [test_rows(rows, fold, policy) for fold in folds]
        self._tests = [e.encode(t) for e, t in zip(self._encodings, tests, strict=True)]
        self._labels = [test[LABEL].to_numpy() for test in tests]
        self._binned: dict[tuple[int, int], lgb.Dataset] = {}

    def __call__(self, trial: optuna.Trial) -> float:
        params = _suggest(trial)
        values, rounds = [], []
        for fold in range(len(self._train)):
            value, best = self._score_fold(fold, params)
            values.append(value)
            rounds.append(best)
            trial.report(float(np.mean(values)), fold)
            if fold + 1 < len(self._train) and trial.should_prune():
                raise optuna.TrialPruned
        trial.set_user_attr(ROUNDS, max(1, round(float(np.mean(rounds)))))
        return float(np.mean(values))

    def _score_fold(self, fold: int, params: Mapping[str, float | int | bool]) -> tuple[float, int]:
        searched = {key: value for key, value in params.items() if key not in BINNING}
        train = self._dataset(fold, int(params["max_bin"]))
        booster = lgb.Booster({**fixed_params(self._policy), **searched}, train)
        scores: npt.NDArray[np.float64] = np.zeros(len(self._labels[fold]))
        best, best_round = -1.0, 0
        for done in range(1, MAX_ROUNDS + 1):
            stopped = booster.update()
            if done % 10 == 0 or stopped:
                scores = np.asarray(
                    booster.predict(self._tests[fold], start_iteration=0), dtype=np.float64
                )
                value = float(average_precision_score(self._labels[fold], scores))
                if value > best:
                    best, best_round = value, done
                if stopped or done - best_round >= PATIENCE:
                    break
        return best, best_round

    def _dataset(self, fold: int, max_bin: int) -> lgb.Dataset:
        if (fold, max_bin) not in self._binned:
            self._binned[fold, max_bin] = bin_rows(
                self._train[fold], self._encodings[fold], max_bin=max_bin, policy=self._policy
            )
        return self._binned[fold, max_bin]


def _suggest(trial: optuna.Trial) -> dict[str, float | int | bool]:
    depth = trial.suggest_int("max_depth", 3, 8)
    return {
        "max_bin": trial.suggest_categorical("max_bin", [255, 1023, 4095]),
        "boost_from_average": trial.suggest_categorical("boost_from_average", [False, True]),
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        "max_depth": depth,
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 1, 200, log=True),
        "lambda_l2": trial.suggest_float("lambda_l2", 1e-3, 30.0, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.4, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        **_follow(depth),
    }


def _follow(depth: int) -> dict[str, int]:
    """What follows from the searched parameters: every leaf of a tree that deep, and bagging."""
    return {"num_leaves": 2**depth - 1, "bagging_freq": 1}
