"""Searches parameters with Optuna; a study that was cut off goes on where it stopped."""

import contextlib
import logging
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import optuna
from tqdm import tqdm  # type: ignore[import-untyped]

from training.data import Dataset, Fold, check_folds
from training.learners import Learner, Params, default_learner
from training.policy import TrainingPolicy
from training.search.objective import Objective
from training.search.study import (
    WORKER_KEY,
    TuningResult,
    begun,
    best_trial,
    count_affordable,
    finished,
    give_up_cut_trials,
    open_study,
    prepare_next,
    value_of,
)

# Entered before a trial is begun and left when it has been; one process at a time is inside.
Beginning = Callable[[], AbstractContextManager[object]]

log = logging.getLogger(__name__)


def tune(
    rows: Dataset,
    *,
    folds: Sequence[Fold],
    policy: TrainingPolicy,
    storage: str,
    study: str,
    learner: Learner | None = None,
    worker: int = 0,
    beginning: Beginning = contextlib.nullcontext,
) -> TuningResult:
    """Run the trials that a study still lacks, together with the other workers.

    At least one trial runs, however short the time budget is. Of a study that holds more trials
    than are asked for, the first so many decide.

    Args:
        rows: in time order, covering the folds.
        folds: validation folds, oldest first; the holdout is not among them.
        policy: trials, time budget, seed, threads.
        storage: URL of a relational database.
        study: its name; the same name joins what is there.
        learner: draws and fits; None: the default.
        worker: number of this one among `policy.trials_workers`; no other process has it.
        beginning: keeps the other workers from beginning a trial at the same time.

    Raises:
        ProblemsError: when a fold has no frauds, no others, or too few rows; naming each.
    """
    check_folds(rows, folds, policy)
    learner = learner or default_learner()
    with open_study(storage, study, workers=policy.trials_workers) as opened:
        give_up_cut_trials(opened, worker=worker, workers=policy.trials_workers)
        if len(finished(opened)) < policy.trials:
            with tempfile.TemporaryDirectory() as scratch:
                objective = Objective(
                    rows, folds=folds, policy=policy, learner=learner, scratch=Path(scratch)
                )
                _run_trials(
                    opened, objective, policy, starts=learner.starting_params(policy),
                    worker=worker, beginning=beginning,
                )  # fmt: skip
        return best_trial(opened, trials=policy.trials, time_budget=policy.time_budget)


def _run_trials(
    study: optuna.Study,
    objective: Objective,
    policy: TrainingPolicy,
    *,
    starts: Sequence[Params],
    worker: int,
    beginning: Beginning,
) -> None:
    with tqdm(
        total=policy.trials, initial=len(finished(study)), unit="trial",
        disable=not sys.stderr.isatty(),
    ) as bar:  # fmt: skip
        while _run_next(
            study, objective, policy, starts=starts, worker=worker, beginning=beginning
        ):
            bar.update(len(finished(study)) - bar.n)
            _report(study, len(finished(study)), policy.trials, bar)


def _run_next(
    study: optuna.Study,
    objective: Objective,
    policy: TrainingPolicy,
    *,
    starts: Sequence[Params],
    worker: int,
    beginning: Beginning,
) -> bool:
    """Run one more trial; False when no other is to be begun."""
    with contextlib.ExitStack() as inside:
        inside.enter_context(beginning())
        trials = begun(study)
        durations = [trial.duration for trial in trials if trial.state.is_finished()]
        if len(trials) >= policy.trials:
            return False
        # One trial more, which takes no time: the budget does not hold it.
        if durations and count_affordable([*durations, None], policy.time_budget) <= len(durations):
            log.info("Stopped after %d trials: the time budget holds no other", len(durations))
            return False
        # Workers that begin together would draw alike with one seed.
        seed = policy.seed + worker * policy.trials
        prepare_next(study, number=len(trials), seed=seed, starts=starts)

        def score(trial: optuna.Trial) -> float:
            trial.set_user_attr(WORKER_KEY, worker)
            inside.close()  # the trial is begun: the next worker may
            return objective(trial)

        # When another process took this one for dead, its trial is drawn anew.
        with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
            study.optimize(score, n_trials=1)
    return True


def _report(study: optuna.Study, number: int, of: int, bar: "tqdm[object]") -> None:
    # Not the last of all trials: those that wait in the queue stand behind it.
    done = finished(study)
    if not done:
        return
    last = done[-1]
    best = max(value_of(trial) for trial in done)
    bar.set_postfix(best=f"{best:.4f}")
    value = value_of(last)
    said = f"average precision {value:.4f}" if value >= 0 else "pruned"
    log.info("Trial %d of %d: %s, best %.4f", number, of, said, best)
