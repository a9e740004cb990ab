"""Evaluation record: one file in the run, with every figure of both models for the review page."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from expectations.contract import InputError
from pipelines.config import RunReference
from pipelines.modelling.champion import Champion
from pipelines.modelling.data_summary import DataSummary
from pipelines.tracking import Runs
from training.evaluation import Check, Comparison, MetricValue, compare_models, tabulate_metrics
from training.policy import ReviewPolicy

if TYPE_CHECKING:
    from pipelines.modelling.evaluate import Measured

FORMAT = 1
FOLDER, COMPARISON, GATE = "evaluation", "comparison.json", "gate.json"


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """Content of a review page beside tags, parameters and the deployment plan.

    Attributes:
        window: the test window.
        champion: the version that served then, `models:/demo/1`; empty when there was none.
        champion_problem: why it was not compared; empty when it was.
        metrics: of the candidate; empty in a record that does not hold them.
        has_customers: False if the spec has no entity, so that intervals draw single rows and
            there is no card precision.
    """

    format: int
    window: str
    review: ReviewPolicy
    champion: str
    champion_problem: str
    data: DataSummary
    comparison: Comparison
    metrics: tuple[MetricValue, ...] = ()
    has_customers: bool = True


@dataclass(frozen=True, slots=True)
class GateDecision:
    """Decision of the promotion gate, as `evaluation/gate.json` holds it."""

    is_accepted: bool
    checks: tuple[Check, ...]


_RECORD, _DECISION = TypeAdapter(EvaluationRecord), TypeAdapter(GateDecision)


def write_record(
    folder: Path, measured: "Measured", champion: Champion | None, *, data: DataSummary
) -> None:
    """Compare both and write `comparison.json` into a folder."""
    policy = measured.spec.training
    record = EvaluationRecord(
        format=FORMAT,
        window=str(measured.fold.test),
        review=policy.review,
        champion="" if champion is None else str(champion.version),
        champion_problem="" if champion is None else champion.problem,
        data=data,
        comparison=compare_models(
            measured.candidate,
            None if champion is None else champion.model,
            slices=measured.slices,
            policy=policy,
            baseline=measured.baseline_scores,
        ),
        metrics=tabulate_metrics(
            measured.metrics,
            intervals=measured.intervals,
            baseline=measured.baseline,
            policy=policy,
        ),
        has_customers=measured.spec.customer is not None,
    )
    (folder / COMPARISON).write_bytes(_RECORD.dump_json(record, indent=1))


def read_record(runs: Runs, run: str) -> EvaluationRecord:
    """Read the record of a run.

    Raises:
        InputError: when there is none, or one of another format.
    """
    text = runs.read_file(run, f"{FOLDER}/{COMPARISON}")
    remedy = 'Run "overnight evaluate" for it again.'
    if text is None:
        raise InputError(f"{RunReference(run)} has no {FOLDER}/{COMPARISON}. {remedy}")
    try:
        return _RECORD.validate_json(text)
    except ValidationError as error:
        raise InputError(
            f"{FOLDER}/{COMPARISON} of {RunReference(run)} is of another format. {remedy}"
        ) from error


def read_gate(runs: Runs, run: str) -> GateDecision:
    """Read the gate's decision on a run.

    Raises:
        InputError: when it was not evaluated.
    """
    text = runs.read_file(run, f"{FOLDER}/{GATE}")
    if text is None:
        raise InputError(
            f'{RunReference(run)} was not evaluated. Run "overnight evaluate" for it first.'
        )
    return _DECISION.validate_json(text)
