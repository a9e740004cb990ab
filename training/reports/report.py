"""The evaluation report: one HTML file with its pictures inside, readable without a server."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sklearn.metrics import average_precision_score, roc_auc_score

from training.evaluation import (
    Case,
    GateResult,
    Ranking,
    ScoredRows,
    draw_weights,
    interval,
    money_by_day,
)
from training.policy import TrainingPolicy

SLICE_RESAMPLES = 200
COUNTS = ("test_rows", "test_frauds")


@dataclass(frozen=True, slots=True)
class Part:
    """Figures of a day or a slice; None where there are no frauds to measure."""

    name: str
    rows: int
    frauds: int
    average_precision: float | None
    low: float | None
    high: float | None
    auc: float | None
    alerts: int
    money: float | None


def by_day(scored: ScoredRows, *, policy: TrainingPolicy, threshold: float) -> list[Part]:
    """Figures of each test day."""
    money = money_by_day(scored, policy=policy, threshold=threshold)
    return [
        _measure(f"day {day}", scored.take(scored.days == day), policy, threshold, saved)
        for day, saved in zip(np.unique(scored.days).tolist(), money.tolist(), strict=True)
    ]


def by_slice(
    scored: ScoredRows,
    slices: Mapping[str, npt.NDArray[np.bool_]],
    *,
    policy: TrainingPolicy,
    threshold: float,
) -> list[Part]:
    """Figures of each slice."""
    return [
        _measure(name, scored.take(mask), policy, threshold, None) for name, mask in slices.items()
    ]


def write_report(
    target: Path,
    *,
    title: str,
    facts: Mapping[str, str],
    metrics: Mapping[str, float],
    baseline: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]],
    days: Sequence[Part],
    slices: Sequence[Part],
    false_positives: Sequence[Case],
    false_negatives: Sequence[Case],
    gate: GateResult,
    plots: Sequence[Path],
) -> None:
    """Write the report into one file.

    Args:
        target: the file.
        title: its heading.
        facts: what was evaluated: run, windows, data.
        metrics: of the model.
        baseline: of the logistic regression, under the same names.
        intervals: of some of the metrics.
        days: figures of each day.
        slices: figures of each slice.
        false_positives: legitimate rows to look at.
        false_negatives: frauds to look at.
        gate: the decision.
        plots: PNG files, in order.
    """
    environment = Environment(
        loader=PackageLoader("training.reports", "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pictures = {
        path.stem.replace("_", " "): base64.b64encode(path.read_bytes()).decode() for path in plots
    }
    text = environment.get_template("report.html").render(
        title=title, facts=facts, metrics=metrics, baseline=baseline, intervals=intervals,
        days=days, slices=slices, gate=gate, pictures=pictures, counts=COUNTS,
        cases={
            "Legitimate, scored highest": false_positives,
            "Frauds, scored lowest": false_negatives,
        },
    )  # fmt: skip
    target.write_text(text, encoding="utf-8")


def _measure(
    name: str, scored: ScoredRows, policy: TrainingPolicy, threshold: float, money: float | None
) -> Part:
    labels, scores = scored.labels, scored.scores
    frauds = int(labels.sum())
    has_both = 0 < frauds < len(labels)
    low = high = None
    if has_both:
        ranking = Ranking(scores, labels)
        drawn = draw_weights(scored.customers, resamples=SLICE_RESAMPLES, seed=policy.seed)
        low, high = interval(np.array([ranking.average_precision(w) for w in drawn]))
    return Part(
        name=name,
        rows=len(labels),
        frauds=frauds,
        average_precision=float(average_precision_score(labels, scores)) if has_both else None,
        low=low,
        high=high,
        auc=float(roc_auc_score(labels, scores)) if has_both else None,
        alerts=int((scores >= threshold).sum()),
        money=money,
    )
