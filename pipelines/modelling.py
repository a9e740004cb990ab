"""The three modelling steps: tune, train, evaluate; each pinned by a digest of its inputs.

The digest names the study and the run, so a rerun finds what is finished and goes on with what
was cut off.
"""

import hashlib
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import LABEL, InputError
from pipelines.columns import request_kinds
from pipelines.data_docs import docs_address
from pipelines.lake import Lake, TableVersion, digest_of
from pipelines.review import open_registry
from pipelines.settings import load_settings
from pipelines.snapshot import parse_as_of
from pipelines.spec import ModelSpec, load_spec

if TYPE_CHECKING:
    from pipelines.registry import Registry
    from training.bundle import Bundle
    from training.tuning import TuningResult

STUDY = "studies:/"
GOLDEN_ALERTS, GOLDEN_OTHERS = 5, 10

log = logging.getLogger(__name__)


def tune_parameters(reference: str, as_of: str, *, training_set: str) -> str:
    """See `steps.tune`."""
    from training.splits import holdout, validation_folds
    from training.tuning import tune

    settings, spec = load_settings(), load_spec(reference)
    study = study_of(spec, training_set)
    last = holdout(parse_as_of(as_of), spec.training, maturity=spec.labels.maturity)
    best = tune(
        _read(spec, training_set),
        columns=request_kinds(spec),
        folds=validation_folds(last, spec.training),
        policy=spec.training,
        storage=settings.studies,
        study=study.removeprefix(STUDY),
    )
    log.info("Tuned %s: %d trials, average precision %.4f", study, best.trials, best.value)
    return study


def study_of(spec: ModelSpec, training_set: str) -> str:
    """The study of a training set: its rows, the searched policy and the code name it.

    The number of trials is left out, so that asking for more goes on with the same study.
    """
    policy = spec.training.model_dump(mode="json", exclude={"trials", "time_budget"})
    inputs = _pin(spec, training_set) | {"policy": policy}
    return f"{STUDY}{spec.name}-{digest_of(inputs)[:16]}"


def train_model(reference: str, as_of: str, *, training_set: str, study: str) -> str:
    """See `steps.train`."""
    from training.splits import holdout
    from training.tuning import load_best

    settings, spec = load_settings(), load_spec(reference)
    best = load_best(settings.studies, study.removeprefix(STUDY))
    policy = spec.training.model_dump(mode="json", exclude={"trials", "time_budget"})
    chosen = {"params": dict(best.params), "rounds": best.rounds, "policy": policy}
    inputs = digest_of(_pin(spec, training_set) | chosen)
    registry = open_registry(spec)
    found = registry.find_run(inputs)
    if found is not None and registry.has_model(found):
        log.info("Kept runs:/%s: training set, parameters and code are unchanged", found)
        return f"runs:/{found}"
    fold = holdout(parse_as_of(as_of), spec.training, maturity=spec.labels.maturity)
    tags = {
        "overnight.as_of": as_of,
        "overnight.training_set": training_set,
        "overnight.training_set_digest": str(_pin(spec, training_set)["training_set"]),
        "overnight.study": study,
        "overnight.spec_digest": spec.digest,
        "overnight.data_docs": docs_address(settings, spec.name, as_of),
        "overnight.train_window": str(fold.train),
        "overnight.test_window": str(fold.test),
    }
    with registry.open_run(inputs=inputs, tags=tags) as run:
        registry.log_params(run, {**best.params, "rounds": best.rounds, **policy})
        registry.log_metrics(run, {"validation_average_precision": best.value})
        rows = _read(spec, training_set)
        digest = _fit_and_log(registry, run, spec=spec, rows=rows, best=best, as_of=as_of)
    log.info("Trained runs:/%s: %d trees, bundle %s", run, best.rounds, digest[:12])
    return f"runs:/{run}"


def evaluate_model(reference: str, as_of: str, *, training_set: str, run: str) -> str:
    """See `steps.evaluate`."""
    from training.baseline import score_baseline
    from training.bundle import load_bundle
    from training.evaluation import evaluate
    from training.plots import draw_plots
    from training.rows import test_rows, train_rows
    from training.splits import holdout

    spec = load_spec(reference)
    registry, run_id = open_registry(spec), run.removeprefix("runs:/")
    trained_on = registry.tags(run_id).get("overnight.training_set_digest")
    if trained_on != _pin(spec, training_set)["training_set"]:
        raise InputError(f"{run} was not trained on {training_set}. Name its own training set.")
    rows = _read(spec, training_set)
    fold = holdout(parse_as_of(as_of), spec.training, maturity=spec.labels.maturity)
    test = test_rows(rows, fold, spec.training)
    with tempfile.TemporaryDirectory() as scratch:
        bundle = load_bundle(registry.fetch_bundle(run_id, target=Path(scratch)))
        scores = bundle.predict(test)
        draw_plots(
            Path(scratch) / "plots", bundle=bundle, labels=test[LABEL].to_numpy(), scores=scores
        )
        registry.log_folder(run_id, Path(scratch) / "plots", name="plots")
    metrics = evaluate(test, scores, fold=fold, policy=spec.training, threshold=bundle.threshold)
    baseline = evaluate(
        test,
        score_baseline(
            train_rows(rows, fold), test, columns=request_kinds(spec), policy=spec.training
        ),
        fold=fold,
        policy=spec.training,
        threshold=bundle.threshold,
    )
    counted = f"test_{spec.training.card_precision_metric}"
    compared = ("test_auc", "test_average_precision", counted)
    against = {
        f"baseline_{k.removeprefix('test_')}": baseline[k] for k in compared if k in baseline
    }
    registry.log_metrics(run_id, metrics | against)
    log.info(
        "Evaluated %s on %s: average precision %.4f (logistic regression %.4f), AUC %.4f",
        run, fold.test, metrics["test_average_precision"],
        against["baseline_average_precision"], metrics["test_auc"],
    )  # fmt: skip
    return run


def _pin(spec: ModelSpec, training_set: str) -> dict[str, object]:
    """What a model is made from, beside its parameters."""
    import training

    lake = Lake(load_settings().lake, spec=spec.name)
    at = TableVersion.parse(training_set)
    files = [Path(__file__), *sorted(Path(training.__file__).parent.glob("*.py"))]
    code = hashlib.sha256(b"".join(path.read_bytes() for path in files))
    return {
        "training_set": digest_of({"rows": lake.content_hash(at), "inputs": lake.inputs(at)}),
        "columns": request_kinds(spec),
        "code": code.hexdigest(),
    }


def _read(spec: ModelSpec, training_set: str) -> pa.Table:
    lake = Lake(load_settings().lake, spec=spec.name)
    return lake.read(TableVersion.parse(training_set)).sort_by(
        [("event_time", "ascending"), ("transaction_id", "ascending")]
    )


def _fit_and_log(
    registry: "Registry",
    run: str,
    *,
    spec: ModelSpec,
    rows: pa.Table,
    best: "TuningResult",
    as_of: str,
) -> str:
    """Fit on the train window and log the bundle; returns the bundle's digest."""
    with tempfile.TemporaryDirectory() as scratch:
        bundle = _write_bundle(Path(scratch), spec=spec, rows=rows, best=best, as_of=as_of)
        example = bundle.encoding.encode(rows.slice(0, 5))
        registry.log_model(
            run,
            bundle.booster,
            bundle=Path(scratch),
            digest=bundle.digest,
            example=dict(zip(bundle.encoding.names, example.T, strict=True)),
        )
    return bundle.digest


def _write_bundle(
    folder: Path, *, spec: ModelSpec, rows: pa.Table, best: "TuningResult", as_of: str
) -> "Bundle":
    from training.bundle import write_bundle
    from training.fitting import fit
    from training.rows import test_rows, train_rows
    from training.splits import holdout, validation_folds
    from training.threshold import choose_threshold

    policy, columns = spec.training, request_kinds(spec)
    last = holdout(parse_as_of(as_of), policy, maturity=spec.labels.maturity)
    train = train_rows(rows, last)
    # The threshold is chosen on rows that this fit of the same parameters has not seen.
    newest = validation_folds(last, policy)[-1]
    rehearsal = fit(
        train_rows(rows, newest),
        columns=columns,
        params=best.params,
        rounds=best.rounds,
        policy=policy,
    )
    unseen = rehearsal.predict(test_rows(rows, newest, policy))
    model = fit(train, columns=columns, params=best.params, rounds=best.rounds, policy=policy)
    order = pc.sort_indices(pa.array(model.predict(train)), sort_keys=[("", "descending")])
    apart = order.slice(0, GOLDEN_ALERTS).to_pylist()
    step = max(1, train.num_rows // GOLDEN_OTHERS)
    picked = list(dict.fromkeys([*apart, *range(0, train.num_rows, step)]))
    return write_bundle(
        folder,
        name=spec.name,
        model=model,
        threshold=choose_threshold(unseen, alert_rate=policy.alert_rate),
        threshold_id=f"alert_rate_{policy.alert_rate}",
        golden=train.take(picked),
    )
