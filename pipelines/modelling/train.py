"""The step `train`: fits the best parameters and logs the bundle, once for the same inputs."""

import logging
import tempfile
from pathlib import Path

import numpy as np

from expectations.contract import digest_of
from pipelines.config import (
    ModelSpec,
    RunReference,
    StudyReference,
    TableVersion,
    is_changed,
    load_spec,
)
from pipelines.config.installation import load_settings, os_actor
from pipelines.modelling.inputs import (
    BESIDE_MODEL,
    dataset_metadata,
    last_fold,
    lineage_tags,
    load_rows,
    params_of,
    pin,
)
from pipelines.modelling.reuse import judge_runs
from pipelines.modelling.trained_models import TrainedModel, open_trained
from pipelines.modelling.tune import log_study
from pipelines.tracking import (
    AS_OF,
    AUTHOR,
    DATA_DOCS,
    EXPERIMENT,
    SPEC,
    STUDY,
    TEST_WINDOW,
    TRAIN_WINDOW,
    open_registry,
)
from pipelines.validation import docs_address
from training.bundle import (
    Bundle,
    apply_calibration,
    build_reference,
    choose_threshold,
    fit_calibration,
    threshold_name,
    write_bundle,
)
from training.data import Dataset, Fold, validation_folds
from training.learners import default_learner, score_out_of_fold
from training.search import TuningResult, load_best

GOLDEN_ALERTS, GOLDEN_OTHERS = 5, 10
EXAMPLE_ROWS = 5
# Prefix of an experiment's inputs: a night never reuses an experiment's run. An experiment that
# changes nothing of the model ends with the night's run, and does not change that run.
EXPERIMENTS = "experiment/"

log = logging.getLogger(__name__)


def train_model(
    reference: str,
    as_of: str,
    *,
    training_set: TableVersion,
    study: StudyReference,
    author: str = "",
) -> RunReference:
    """Train a model with the best parameters of a study, or reuse its run; return the run."""
    settings, spec = load_settings(), load_spec(reference)
    asked = spec.training
    best = load_best(
        settings.studies, study.name, trials=asked.trials, time_budget=asked.time_budget
    )
    policy = asked.model_dump(mode="json", exclude=BESIDE_MODEL)
    made_from = digest_of(pin(spec, training_set) | {"params": dict(best.params), "policy": policy})
    inputs = f"{EXPERIMENTS}{made_from}" if is_changed(reference) else made_from
    runs = open_registry(spec).runs
    trained = open_trained(spec)
    for key in dict.fromkeys((made_from, inputs)):
        found = judge_runs(runs, trained, key)
        if found.whole is not None:
            kept = found.whole.run
            if key == inputs:
                runs.end(kept)
            log.info("Kept %s: training set, parameters and code are unchanged", RunReference(kept))
            return RunReference(kept)
    if spec.training.trials_workers > 1:
        # The worker that logged the study in MLflow may have ended before the others.
        log_study(spec, study, training_set=training_set, tags={})
    fold = last_fold(spec, as_of)
    author = author or str(os_actor())
    tags = lineage_tags(spec, training_set) | {
        AS_OF: as_of,
        AUTHOR: author,
        SPEC: reference,
        EXPERIMENT: "yes" if is_changed(reference) else "no",
        STUDY: str(study),
        DATA_DOCS: docs_address(settings, spec.name, as_of),
        TRAIN_WINDOW: str(fold.train),
        TEST_WINDOW: str(fold.test),
    }
    with runs.open(inputs=inputs, kind="model", tags=tags, passing_over=found.strangers) as run:
        runs.log_dataset(run, dataset_metadata(spec, training_set), context="training")
        runs.log_params(run, {**best.params, **params_of(policy)})
        runs.log_metrics(run, {"validation_average_precision": best.value})
        rows = load_rows(spec, training_set, holdout=fold)
        with tempfile.TemporaryDirectory() as scratch:
            bundle = write_candidate(Path(scratch), rows, spec=spec, fold=fold, best=best)
            # The record first: a run with a model and without a record is refused.
            trained.record(TrainedModel(run, inputs, bundle.digest, author))
            runs.log_model(
                run,
                bundle.model.native,
                bundle=Path(scratch),
                digest=bundle.digest,
                example=rows.matrix.slice(0, EXAMPLE_ROWS),
            )
    made = RunReference(run)
    log.info("Trained %s: %s trees, bundle %s", made, best.params["rounds"], bundle.digest[:12])
    return made


def write_candidate(
    folder: Path, rows: Dataset, *, spec: ModelSpec, fold: Fold, best: TuningResult
) -> Bundle:
    """Fit on a fold's train window; calibration and threshold come from the folds before it.

    Args:
        folder: receives the bundle.
        rows: covering the fold and its validation folds.
        spec: of the model.
        fold: the fold whose test window the candidate is evaluated on; not read here.
        best: the parameters.
    """
    policy, learner = spec.training, default_learner()
    folds = validation_folds(fold, policy)
    unseen = score_out_of_fold(
        rows, folds=folds, params=best.params, policy=policy, learner=learner
    )
    calibration = fit_calibration(unseen.scores, unseen.labels, method=policy.calibration)
    chances = apply_calibration(calibration, unseen.scores)
    threshold = choose_threshold(chances, unseen.labels, unseen.amounts, unseen.days, policy=policy)
    model = learner.fit(rows, fold.train, params=best.params, policy=policy)
    train = rows.within(fold.train)
    return write_bundle(
        folder,
        name=spec.name,
        model=model,
        calibration=calibration,
        threshold=threshold,
        threshold_id=threshold_name(policy),
        golden=_golden(train, model.predict(train)),
        reference=build_reference(unseen.scores, chances, threshold=threshold, matrix=train.matrix),
    )


def _golden(train: Dataset, scores: np.typing.NDArray[np.float64]) -> Dataset:
    """Choose the rows with the highest scores, and others spread over the window."""
    highest = np.argsort(-scores, kind="stable")[:GOLDEN_ALERTS]
    spread = range(0, len(train), max(1, len(train) // GOLDEN_OTHERS))
    return train.take(list(dict.fromkeys([*highest.tolist(), *spread])))
