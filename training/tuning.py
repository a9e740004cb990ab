"""Searches LightGBM's parameters with Optuna; a study that was cut off goes on where it stopped."""

import logging
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import optuna
from tqdm import tqdm  # type: ignore[import-untyped]

from training.objective import Objective
from training.policy import TrainingPolicy
from training.rows import Rows, check_folds
from training.search_space import starting_points
from training.splits import Fold
from training.study import (
    TuningResult,
    best_trial,
    finished,
    give_up_cut_trials,
    open_study,
    prepare_next,
    running,
    time_spent,
    value_of,
)

log = logging.getLogger(__name__)


def tune(
    rows: Rows,
    *,
    folds: Sequence[Fold],
    policy: TrainingPolicy,
    storage: str,
    study: str,
    worker: int = 0,
) -> TuningResult:
    """Run the trials that a study still lacks, together with the other workers.

    At least one trial runs, however short the time budget is.

    Args:
        rows: in time order, covering the folds.
        folds: validation folds, oldest first; the holdout is not among them.
        policy: trials, time budget, seed, threads.
        storage: URL of a relational database.
        study: its name; the same name joins what is there.
        worker: number of this one among `policy.trials_workers`.

    Raises:
        ProblemsError: when a fold has no frauds, no others, or too few rows; naming each.
    """
    check_folds(rows, folds, policy)
    with open_study(storage, study, workers=policy.trials_workers) as opened:
        give_up_cut_trials(opened, worker=worker, workers=policy.trials_workers)
        if len(finished(opened)) < policy.trials:
            with tempfile.TemporaryDirectory() as scratch:
                objective = Objective(
                    rows, folds=folds, policy=policy, worker=worker, scratch=Path(scratch)
                )
                _run_trials(opened, objective, policy, worker=worker)
        return best_trial(opened)


def _run_trials(
    study: optuna.Study, objective: Objective, policy: TrainingPolicy, *, worker: int
) -> None:
    budget = timedelta.max if policy.time_budget is None else policy.time_budget
    starts = starting_points(policy)
    with tqdm(
        total=policy.trials, initial=len(finished(study)), unit="trial",
        disable=not sys.stderr.isatty(),
    ) as bar:  # fmt: skip
        while (begun := len(finished(study)) + len(running(study))) < policy.trials:
            done = len(finished(study))
            # By the mean of those before it, the next one would end too late.
            if done and time_spent(study) * (done + 1) / done > budget:
                log.info("Stopped after %d trials: the time budget holds no other", done)
                return
            # Workers that begin together would draw alike with one seed.
            seed = policy.seed + worker * policy.trials
            prepare_next(study, number=begun, seed=seed, starts=starts)
            study.optimize(objective, n_trials=1)
            bar.update(len(finished(study)) - bar.n)
            _report(study, len(finished(study)), policy.trials, bar)


def _report(study: optuna.Study, number: int, of: int, bar: "tqdm[object]") -> None:
    # Not the last of all trials: those that wait in the queue stand behind it.
    last = finished(study)[-1]
    best = max(value_of(trial) for trial in finished(study))
    bar.set_postfix(best=f"{best:.4f}")
    value = value_of(last)
    said = f"average precision {value:.4f}" if value >= 0 else "pruned"
    log.info("Trial %d of %d: %s, best %.4f", number, of, said, best)
