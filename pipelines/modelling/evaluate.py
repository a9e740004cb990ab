"""The step `evaluate`: measures a candidate on its test window and compares it."""

import json
import logging
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from expectations.contract import InputError
from infra.serving.model import load_scorer
from pipelines.config import (
    ModelSpec,
    RunReference,
    TableVersion,
    is_changed,
    load_spec,
    request_kinds,
)
from pipelines.modelling.bundles import fetch_trained
from pipelines.modelling.champion import Champion, score_champion
from pipelines.modelling.data_summary import gather_data_summary
from pipelines.modelling.evaluation_record import write_record
from pipelines.modelling.inputs import last_fold, load_rows, pin
from pipelines.modelling.trained_models import open_trained
from pipelines.tracking import (
    GATE,
    GATE_REASONS,
    TRAINING_SET_DIGEST,
    Registry,
    describe_maker,
    is_of_another,
    open_registry,
    refuse_other_kinds,
)
from training.bundle import Bundle, load_bundle
from training.data import Dataset, Fold, test_rows
from training.evaluation import (
    Candidate,
    Check,
    GateResult,
    ModelUnderTest,
    compare,
    evaluate,
    judge_alone,
    list_metrics,
    metric_intervals,
    score_rows,
    slice_masks,
)
from training.learners import score_baseline

TIMED_ROWS = 2_000

log = logging.getLogger(__name__)


def evaluate_model(
    reference: str, as_of: str, *, training_set: TableVersion, run: RunReference
) -> RunReference:
    """Evaluate the model of a run on its test window, compare it, and log the gate's verdict."""
    spec = load_spec(reference)
    registry, run_id = open_registry(spec), run.run
    tags = registry.runs.tags(run_id)
    refuse_other_kinds(str(run), tags)
    made = open_trained(spec).get(run_id)
    is_kept = is_changed(reference) and is_of_another(tags, spec_digest=spec.digest)
    if tags.get(TRAINING_SET_DIGEST) != pin(spec, training_set)["training_set"]:
        raise InputError(f"{run} was not trained on {training_set}. Name its own training set.")
    fold = last_fold(spec, as_of)
    # With the columns that this model leaves out: the champion may read them.
    every = load_rows(spec, training_set, holdout=fold, columns=request_kinds(spec))
    with tempfile.TemporaryDirectory() as scratch:
        folder = fetch_trained(registry, made, target=Path(scratch) / "bundle")
        bundle = load_bundle(folder)
        rows = bundle.recode(every)
        measured = Measured(spec, fold, rows, test_rows(rows, fold, spec.training), bundle)
        test = test_rows(every, fold, spec.training)
        champion = score_champion(registry, test, run=run_id, spec=spec, fold=fold)
        gate = _judge(measured, folder, champion)
        report = Path(scratch) / "report"
        report.mkdir()
        write_record(
            report,
            measured,
            champion,
            data=gather_data_summary(spec, as_of, training_set=training_set),
        )
        if not is_kept:
            _log(registry, run_id, measured, gate, report)
    metrics = measured.metrics
    log.info(
        "Evaluated %s on %s: average precision %.4f (logistic regression %.4f), AUC %.4f",
        run, fold.test, metrics["test_average_precision"],
        measured.baseline["test_average_precision"], metrics["test_auc"],
    )  # fmt: skip
    log.info("The gate %s %s%s", "accepts" if gate.is_accepted else "refuses", run, _listed(gate))
    if is_kept:
        log.info("%s is the run of %s; it stays as it is", run, describe_maker(tags))
    return run


class Measured:
    """A candidate and the logistic regression on the same test rows.

    Args:
        spec: of the candidate.
        fold: whose test window it is judged on.
        rows: covering the fold, as the candidate reads them.
        test: those of the test window that count.
        bundle: the candidate.
    """

    def __init__(
        self, spec: ModelSpec, fold: Fold, rows: Dataset, test: Dataset, bundle: Bundle
    ) -> None:

        policy = spec.training
        self.spec, self.fold, self.bundle = spec, fold, bundle
        train = rows.within(fold.train)
        self.scored = score_rows(test, bundle.predict(test), fold=fold, customer=spec.customer)
        usual = score_baseline(train, test, policy=policy)
        against = score_rows(test, usual, fold=fold, customer=spec.customer)
        self.baseline_scores = usual
        self.metrics = evaluate(self.scored, policy=policy, threshold=bundle.threshold)
        self.baseline = evaluate(against, policy=policy, threshold=bundle.threshold)
        self.intervals = metric_intervals(self.scored, policy=policy, threshold=bundle.threshold)
        categories = [n for n, kind in spec.attribute_kinds().items() if kind == "categorical"]
        entities = sorted(spec.source.entities, key=lambda name: name != spec.customer)
        self.slices = slice_masks(test, train, entities=entities, categories=categories)

    @property
    def figures(self) -> dict[str, float]:
        """Every metric of a run by name: the candidate's, the baseline's, ends of intervals."""
        baseline = {
            each.logged_baseline: self.baseline[each.logged]
            for each in list_metrics(self.spec.training)
            if each.has_baseline
        }
        limits = {
            f"{name}_{end}": value
            for name, (low, high) in self.intervals.items()
            for end, value in (("low", low), ("high", high))
        }
        return self.metrics | baseline | limits

    @property
    def candidate(self) -> Candidate:
        """The candidate as it is compared with the champion."""
        return Candidate(self.bundle, self.scored)

    @property
    def under_test(self) -> ModelUnderTest:
        """The candidate as the gate reads it."""
        return ModelUnderTest(
            self.scored, self.bundle.threshold, self.bundle.model.encoding.columns
        )


def _judge(measured: Measured, folder: Path, champion: Champion | None) -> GateResult:

    checks = judge_alone(
        measured.under_test,
        baseline=measured.baseline["test_average_precision"],
        latency_ms=_time_single_rows(folder, measured.scored.rows),
        policy=measured.spec.gate,
        seed=measured.spec.training.seed,
    )
    return GateResult((*checks, *_compare(measured, champion)))


def _compare(measured: Measured, champion: Champion | None) -> list[Check]:
    """Return the checks against the champion; none without one."""
    if champion is None:
        return []
    theirs = champion.model
    if theirs is None:
        return [Check("champion", is_passed=False, reason=champion.problem)]
    return compare(
        measured.under_test,
        ModelUnderTest(
            theirs.scored, theirs.bundle.threshold, theirs.bundle.model.encoding.columns
        ),
        slices=measured.slices,
        policy=measured.spec.gate,
        training=measured.spec.training,
    )


def _time_single_rows(folder: Path, rows: Dataset) -> float:
    """Return the 99th percentile, in milliseconds, of scoring a row as the endpoint does."""
    scorer = load_scorer(folder)
    golden: list[dict[str, object]] = [dict(vector.features) for vector in scorer.bundle.golden]
    taken = []
    for number in range(min(TIMED_ROWS, len(rows))):
        began = time.perf_counter()
        scorer.score([golden[number % len(golden)]], unknown_categories="missing")
        taken.append(time.perf_counter() - began)
    return float(np.quantile(taken, 0.99) * 1_000)


def _log(registry: Registry, run: str, measured: Measured, gate: GateResult, folder: Path) -> None:
    """Log the metrics, the gate's decision, and the evaluation record beside it."""
    runs = registry.runs
    runs.log_metrics(run, measured.figures)
    decision = {"is_accepted": gate.is_accepted, "checks": [asdict(c) for c in gate.checks]}
    (folder / "gate.json").write_text(json.dumps(decision, indent=2), encoding="utf-8")
    runs.log_folder(run, folder, name="evaluation")
    decided = "accepted" if gate.is_accepted else "refused"
    # MLflow holds 5,000 characters a tag; the file holds all of them.
    runs.tag(run, {GATE: decided, GATE_REASONS: "; ".join(gate.reasons)[:4_000]})


def _listed(gate: GateResult) -> str:
    return "".join(f"\n  - {reason}" for reason in gate.reasons)
