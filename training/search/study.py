"""Optuna studies in a database: opened, joined, taken up again after a kill.

A trial that was cut off is marked failed and drawn anew. What a trial draws depends on the trials
that finished before it and on its own seed, so a study worked on by one worker at a time ends with
the same trials however often it was cut.
"""

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_incrementing

from expectations.contract import InputError, OvernightError, hide_passwords
from training.learners import Params

FORMAT = 2
FORMAT_KEY, PARAMS_KEY, WORKER_KEY = "format", "point", "worker"

ATTEMPTS = 4
MAX_TRIALS = 20

# A worker of several that has not been heard of for so long is taken for dead.
HEARTBEAT_SECONDS, GRACE_SECONDS = 30, 120

# Until Optuna no longer calls heartbeats experimental; no other storage notices a dead worker.
warnings.filterwarnings(
    "ignore", message=".*(heartbeat|fail_stale)", category=optuna.exceptions.ExperimentalWarning
)


@dataclass(frozen=True, slots=True)
class TuningResult:
    """The best of the trials that decide.

    Attributes:
        params: what it drew and what was given, with the number of trees as `rounds`.
        value: its mean average precision over the validation folds.
        number: of the trial in the study.
        trials: how many decide, pruned ones included.
        finished: how many the study holds; more when somebody asked for more.
    """

    params: Params
    value: float
    number: int
    trials: int
    finished: int


@contextlib.contextmanager
def open_study(url: str, name: str, *, workers: int = 1) -> Iterator[optuna.Study]:
    """Create a study or join it.

    Args:
        url: of a relational database.
        name: the same name joins what is there.
        workers: how many work on it; of several, the dead are noticed by their silence.

    Raises:
        InputError: when the database or the study was written by another version.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with _connected(url, workers=workers) as storage:
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            load_if_exists=True,
            direction="maximize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
        )
        if not study.trials and FORMAT_KEY not in study.user_attrs:
            study.set_user_attr(FORMAT_KEY, FORMAT)
        if study.user_attrs.get(FORMAT_KEY) != FORMAT:
            raise InputError(
                f"The study {name} has the format {study.user_attrs.get(FORMAT_KEY)}, and this "
                f"version reads {FORMAT}. Delete it (optuna delete-study --study-name {name} "
                f'--storage "{hide_passwords(url)}") and tune again.'
            )
        yield study


def make_database(url: str) -> None:
    """Make the tables of an empty database."""
    with _connected(url, workers=1):
        pass


def load_best(
    url: str, name: str, *, trials: int | None = None, time_budget: timedelta | None = None
) -> TuningResult:
    """Return the best trial of a study made before.

    Args:
        url: of a relational database.
        name: of the study.
        trials: how many were asked for; None: all that finished decide.
        time_budget: as it was asked for; None: no limit.

    Raises:
        InputError: when there is no such study, or no trial of it finished.
    """
    with _connected(url, workers=1) as storage:
        try:
            study = optuna.load_study(study_name=name, storage=storage)
            return best_trial(study, trials=trials, time_budget=time_budget)
        except (KeyError, ValueError) as error:
            raise InputError(
                f"There is no finished study {name}. Run the tune step first."
            ) from error


def best_trial(
    study: optuna.Study, *, trials: int | None = None, time_budget: timedelta | None = None
) -> TuningResult:
    """Return the deciding trial with the highest value; the earlier of equals.

    A study may hold more trials than are asked for, of a run that asked for more. The first so
    many decide then, as if the others had never been.

    Raises:
        ValueError: when none of them was finished to its end.
    """
    deciding = finished(study)[:trials]
    deciding = deciding[: count_affordable([t.duration for t in deciding], time_budget)]
    complete = [trial for trial in deciding if trial.state == TrialState.COMPLETE]
    best = max(complete, key=lambda trial: (value_of(trial), -trial.number))
    return TuningResult(
        params=dict(best.user_attrs[PARAMS_KEY]),
        value=value_of(best),
        number=best.number,
        trials=len(deciding),
        finished=len(finished(study)),
    )


def best_trials(url: str, name: str) -> list[tuple[int, float, Mapping[str, object]]]:
    """Return number, value and params of the trials with the highest values, at most 20."""
    with open_study(url, name) as study:
        complete = [t for t in finished(study) if t.state == TrialState.COMPLETE]
        ranked = sorted(complete, key=lambda trial: (-value_of(trial), trial.number))
        return [
            (trial.number, value_of(trial), dict(trial.user_attrs[PARAMS_KEY]))
            for trial in ranked[:MAX_TRIALS]
        ]


def count_affordable(durations: Sequence[timedelta | None], time_budget: timedelta | None) -> int:
    """Count the trials that a search runs before its budget holds no other; at least one.

    By the mean of those before it, the next one has to end within the budget.

    >>> count_affordable([timedelta(seconds=10)] * 9, timedelta(seconds=35))
    3
    """
    if time_budget is None:
        return len(durations)
    spent = timedelta()
    for done, duration in enumerate(durations, start=1):
        spent += duration or timedelta()
        if spent * (done + 1) / done > time_budget:
            return done
    return len(durations)


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that need not be run again, in order."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def begun(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that finished or are being worked on, in order, as of one moment.

    Read at once: a trial that finishes between two reads would be in neither.
    """
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
    return study.get_trials(deepcopy=False, states=states)


def value_of(trial: FrozenTrial) -> float:
    """Return the value of a trial that finished; a pruned one's is below every other."""
    is_complete = trial.state == TrialState.COMPLETE
    return float(trial.value) if is_complete and trial.value is not None else float("-inf")


def running(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that some worker is at."""
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def give_up_cut_trials(study: optuna.Study, *, worker: int, workers: int) -> None:
    """Mark trials failed that nobody will finish: this worker's own, and those of dead workers."""
    if workers > 1:
        optuna.storages.fail_stale_trials(study)
    for trial in running(study):
        if workers == 1 or trial.user_attrs.get(WORKER_KEY) == worker:
            with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
                study.tell(trial.number, state=TrialState.FAIL)


def prepare_next(study: optuna.Study, *, number: int, seed: int, starts: Sequence[Params]) -> None:
    """Set what the next trial draws from.

    Args:
        study: opened.
        number: of trials finished or begun.
        seed: of the study; every trial draws with one of its own, so that a study that was cut
            draws what an uncut one draws.
        starts: params for the first trials.
    """
    study.sampler = optuna.samplers.TPESampler(
        seed=seed + number, multivariate=True, constant_liar=True
    )
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    if number < len(starts) and not waiting:
        study.enqueue_trial(dict(starts[number]))


def require_database(url: str) -> None:
    """Connect to the database of the studies, and make nothing in it.

    Raises:
        OvernightError: when it does not open.
    """
    engine = None
    try:
        engine = create_engine(url)
        engine.connect().close()
    except (ImportError, SQLAlchemyError) as error:
        raise OvernightError(
            f"The database of studies {hide_passwords(url)} does not open: "
            f"{hide_passwords(str(error))}. Look at its address and its access rights."
        ) from error
    finally:
        if engine is not None:
            engine.dispose()


@contextlib.contextmanager
def _connected(url: str, *, workers: int) -> Iterator[optuna.storages.RDBStorage]:
    """Open a storage and close its connections; Optuna leaves them to the collector."""
    storage = _open_storage(url, workers=workers)
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _open_storage(url: str, *, workers: int) -> optuna.storages.RDBStorage:
    # Another worker may be making the tables; Optuna does not make them in one transaction.
    again = Retrying(
        retry=retry_if_exception(_is_made_by_another),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_incrementing(start=1, increment=1),
        reraise=True,
    )
    try:
        return again(
            optuna.storages.RDBStorage,
            url,
            heartbeat_interval=HEARTBEAT_SECONDS if workers > 1 else None,
            grace_period=GRACE_SECONDS if workers > 1 else None,
        )
    except (IntegrityError, OperationalError) as error:
        if "is locked" in str(error):
            raise  # the connection has waited as long as its URL says
        raise OvernightError(
            f"The database of studies {hide_passwords(url)} does not open: "
            f"{hide_passwords(str(error))}. Look at its address and its access rights."
        ) from error
    except RuntimeError as error:
        raise InputError(
            f"The studies in {hide_passwords(url)} were written by another version of Optuna: "
            f"{error} Move the database away, or upgrade it with optuna storage upgrade."
        ) from error


def _is_made_by_another(error: BaseException) -> bool:
    return isinstance(error, IntegrityError | OperationalError) and "is locked" not in str(error)
