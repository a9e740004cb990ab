"""The step `tune`: runs or joins the study of a training set, and shows it in MLflow."""

import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path

from expectations.contract import InputError
from pipelines.model_inputs import (
    dataset_facts,
    last_fold,
    lineage_tags,
    load_rows,
    study_name,
    study_of,
)
from pipelines.registry import open_registry
from pipelines.settings import load_settings
from pipelines.spec import ModelSpec, load_spec

log = logging.getLogger(__name__)


def tune_parameters(reference: str, as_of: str, *, training_set: str, worker: str) -> str:
    """See `steps.tune`."""
    from training.rows import empty_columns
    from training.splits import validation_folds
    from training.tuning import tune

    settings, spec = load_settings(), load_spec(reference)
    number = _parse_worker(worker, spec)
    study = study_of(spec, training_set)
    last = last_fold(spec, as_of)
    rows = load_rows(spec, training_set, holdout=last)
    empty = empty_columns(rows)
    if empty:
        log.warning("%s hold one value or none; a model learns nothing from them", ", ".join(empty))
    best = tune(
        rows,
        folds=validation_folds(last, spec.training),
        policy=spec.training,
        storage=settings.studies,
        study=study_name(study),
        worker=number,
    )
    log.info("Tuned %s: %d trials, average precision %.4f", study, best.trials, best.value)
    if number == 0:
        tags = {"overnight.empty_columns": ", ".join(empty)} if empty else {}
        log_study(spec, study, training_set=training_set, tags=tags)
    return study


def log_study(spec: ModelSpec, study: str, *, training_set: str, tags: Mapping[str, str]) -> None:
    """One run for the study, its pictures in it, and a child for each of its best trials.

    Repeated, it adds what came since.
    """
    from training.study import load_best
    from training.study_plots import best_trials, draw_study

    storage, name = load_settings().studies, study_name(study)
    runs = open_registry(spec).runs
    best = load_best(storage, name)
    tags = {**tags, **lineage_tags(spec, training_set), "overnight.study": study}
    with runs.open(inputs=study, kind="tuning", tags=tags) as run:
        runs.log_dataset(run, dataset_facts(spec, training_set), context="tuning")
        metrics = {"validation_average_precision": best.value, "trials": float(best.trials)}
        runs.log_metrics(run, metrics)
        runs.log_trials(run, best_trials(storage, name))
        with tempfile.TemporaryDirectory() as scratch:
            draw_study(Path(scratch), storage, name)
            runs.log_folder(run, Path(scratch), name="study")


def _parse_worker(text: str, spec: ModelSpec) -> int:
    workers = spec.training.trials_workers
    if not text.isdigit() or int(text) >= workers:
        raise InputError(
            f"{spec.name} has {workers} tuning worker{'s' if workers > 1 else ''}, and {text!r} "
            f"was given. Give 0 to {workers - 1}, or raise training.trials_workers."
        )
    return int(text)
