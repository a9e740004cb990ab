"""The step `tune`: runs or joins the study of a training set, and shows it in MLflow."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from expectations.contract import InputError
from infra.files import make_whole
from pipelines.config import ModelSpec, load_spec
from pipelines.config.installation import load_settings
from pipelines.lake import beginning, searching
from pipelines.modelling.inputs import (
    dataset_metadata,
    last_fold,
    lineage_tags,
    load_rows,
    study_name,
    study_of,
)
from pipelines.tracking import open_registry

if TYPE_CHECKING:
    from training.search import TuningResult

log = logging.getLogger(__name__)


def tune_parameters(reference: str, as_of: str, *, training_set: str, worker: str) -> str:
    """See `steps.tune`."""
    from training.data import empty_columns, validation_folds
    from training.search import make_database, tune

    settings, spec = load_settings(), load_spec(reference)
    number = _parse_worker(worker, spec)
    study = study_of(spec, training_set)
    last = last_fold(spec, as_of)
    rows = load_rows(spec, training_set, holdout=last)
    empty = empty_columns(rows)
    if empty:
        log.warning("%s hold one value or none; a model learns nothing from them", ", ".join(empty))
    name = study_name(study)
    make_whole(settings.studies, make_database)
    with searching(spec.name, worker=number):
        best = tune(
            rows,
            folds=validation_folds(last, spec.training),
            policy=spec.training,
            storage=settings.studies,
            study=name,
            worker=number,
            beginning=lambda: beginning(spec.name),
        )
    log.info("Tuned %s: %s, average precision %.4f", study, count_trials(best), best.value)
    if number == 0:
        tags = {"overnight.empty_columns": ", ".join(empty)} if empty else {}
        log_study(spec, study, training_set=training_set, tags=tags)
    return study


def log_study(spec: ModelSpec, study: str, *, training_set: str, tags: Mapping[str, str]) -> None:
    """Show the study as a run in MLflow, with a child for each of its best trials.

    The run is of the study with all its trials, whoever asked for how many. Repeated, it adds what
    came since, and keeps the tags of who began the study.
    """
    from training.search import best_trials, load_best

    storage, name = load_settings().studies, study_name(study)
    runs = open_registry(spec).runs
    best = load_best(storage, name)
    found = runs.find(study)
    if found is not None and runs.shows(found, trials=best.finished):
        return
    tags = {**tags, **lineage_tags(spec, training_set), "overnight.study": study}
    with runs.open(inputs=study, kind="tuning", tags={} if found else tags) as run:
        runs.log_dataset(run, dataset_metadata(spec, training_set), context="tuning")
        metrics = {"validation_average_precision": best.value, "trials": float(best.finished)}
        runs.log_metrics(run, metrics)
        runs.log_trials(run, best_trials(storage, name))


def count_trials(best: "TuningResult") -> str:
    """Write how many trials decided, of all where there are more: `5 of its 20 trials`."""
    if best.trials == best.finished:
        return f"{best.trials} trials"
    return f"{best.trials} of its {best.finished} trials"


def _parse_worker(text: str, spec: ModelSpec) -> int:
    workers = spec.training.trials_workers
    if not text.isdigit() or int(text) >= workers:
        raise InputError(
            f"{spec.name} has {workers} tuning worker{'s' if workers > 1 else ''}, and {text!r} "
            f"was given. Give 0 to {workers - 1}, or raise training.trials_workers."
        )
    return int(text)
