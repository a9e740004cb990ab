"""What evaluation leaves for the packet: one file in the run, every figure of both models in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from expectations.contract import InputError
from pipelines.config import ModelSpec, RunReference
from pipelines.modelling.champion import Champion
from pipelines.modelling.data_summary import DataSummary
from pipelines.tracking import Runs
from training.evaluation import Check, Comparison, Contender, Mask, compare_models
from training.policy import ReviewPolicy

FORMAT = 1
FOLDER, COMPARISON, GATE = "evaluation", "comparison.json", "gate.json"


@dataclass(frozen=True, slots=True)
class Material:
    """All that a packet tells beside tags, parameters and the deploy plan.

    Attributes:
        window: the test window.
        champion: the version that served then, `models:/demo/1`; empty when there was none.
        champion_problem: why it was not compared; empty when it was.
    """

    format: int
    window: str
    review: ReviewPolicy
    champion: str
    champion_problem: str
    data: DataSummary
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class GateDecision:
    """What the gate said, as `evaluation/gate.json` holds it."""

    is_accepted: bool
    checks: tuple[Check, ...]


_MATERIAL, _DECISION = TypeAdapter(Material), TypeAdapter(GateDecision)


def write_material(
    folder: Path,
    candidate: Contender,
    champion: Champion | None,
    *,
    slices: Mapping[str, Mask],
    window: str,
    spec: ModelSpec,
    data: DataSummary,
) -> None:
    """Compare both and write `comparison.json` into a folder."""
    material = Material(
        format=FORMAT,
        window=window,
        review=spec.training.review,
        champion="" if champion is None else str(champion.version),
        champion_problem="" if champion is None else champion.problem,
        data=data,
        comparison=compare_models(
            candidate,
            None if champion is None else champion.contender,
            slices=slices,
            policy=spec.training,
        ),
    )
    (folder / COMPARISON).write_bytes(_MATERIAL.dump_json(material, indent=1))


def read_material(runs: Runs, run: str) -> Material:
    """What was written when a run was evaluated.

    Raises:
        InputError: when it was not, or by another version of this code.
    """
    text = runs.read_file(run, f"{FOLDER}/{COMPARISON}")
    remedy = 'Run "overnight evaluate" for it again.'
    if text is None:
        raise InputError(f"{RunReference(run)} has no {FOLDER}/{COMPARISON}. {remedy}")
    try:
        return _MATERIAL.validate_json(text)
    except ValidationError as error:
        raise InputError(
            f"{FOLDER}/{COMPARISON} of {RunReference(run)} is of another format. {remedy}"
        ) from error


def read_gate(runs: Runs, run: str) -> GateDecision:
    """The gate's decision on a run.

    Raises:
        InputError: when it was not evaluated.
    """
    text = runs.read_file(run, f"{FOLDER}/{GATE}")
    if text is None:
        raise InputError(
            f'{RunReference(run)} was not evaluated. Run "overnight evaluate" for it first.'
        )
    return _DECISION.validate_json(text)
