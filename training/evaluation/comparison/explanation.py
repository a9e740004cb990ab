"""Reasons of scores, from the contributions of columns to the log odds."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from expectations.contract import AMOUNT, EVENT_TIME, TRANSACTION_ID
from training.data import Dataset, as_numbers
from training.evaluation.scored import ScoredRows
from training.learners import FittedModel

Floats = npt.NDArray[np.float64]
REASONS = 3
SHOWN_ROWS = 15
SUMMARY_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Case:
    """A row that a reviewer should look at.

    Attributes:
        reasons: the features that moved its score most, with value and contribution in log odds.
    """

    transaction: str
    time: str
    amount: float
    score: float
    reasons: tuple[tuple[str, str, float], ...]


def highest_legitimate(scored: ScoredRows) -> npt.NDArray[np.int64]:
    """Positions of the legitimate rows with the highest scores, highest first."""
    legitimate = np.flatnonzero(scored.labels == 0)
    order = np.argsort(-scored.scores[legitimate], kind="stable")
    return legitimate[order[:SHOWN_ROWS]]


def lowest_frauds(scored: ScoredRows) -> npt.NDArray[np.int64]:
    """Positions of the frauds with the lowest scores, the larger amount first among equals."""
    frauds = np.flatnonzero(scored.labels == 1)
    order = np.lexsort((-scored.amounts[frauds], scored.scores[frauds]))
    return frauds[order[:SHOWN_ROWS]]


def summarise(model: FittedModel, scored: ScoredRows, *, seed: int) -> tuple[Floats, Floats]:
    """Contributions and values of up to 2,000 test rows, all frauds among them as far as they fit.

    Returns:
        Two arrays of shape (rows, columns).
    """
    chance = np.random.default_rng(seed)
    frauds = np.flatnonzero(scored.labels == 1)[: SUMMARY_ROWS // 2]
    others = np.flatnonzero(scored.labels == 0)
    count = min(len(others), SUMMARY_ROWS - len(frauds))
    chosen = np.sort(np.append(frauds, chance.choice(others, count, replace=False)))
    rows = scored.rows.take(chosen)
    return model.contributions(rows)[:, :-1], as_numbers(rows.matrix).astype(np.float64)


def top_reasons(
    model: FittedModel, scored: ScoredRows, *, threshold: float, seed: int
) -> dict[str, float]:
    """Feature to the share of alerts whose score it raised most, largest first.

    Args:
        model: that scored the rows.
        scored: the rows.
        threshold: from it on a row is an alert.
        seed: of the draw of 2,000 alerts where there are more.
    """
    alerts = np.flatnonzero(scored.scores >= threshold)
    if not len(alerts):
        return {}
    chance = np.random.default_rng(seed)
    count = min(len(alerts), SUMMARY_ROWS)
    chosen = np.sort(chance.choice(alerts, count, replace=False))
    rows = scored.rows.take(chosen)
    raised_most = model.contributions(rows)[:, :-1].argmax(axis=1)
    found = np.bincount(raised_most, minlength=len(rows.encoding.names)) / count
    order = np.argsort(-found, kind="stable")
    return {rows.encoding.names[at]: float(found[at]) for at in order if found[at] > 0}


def explain_cases(model: FittedModel, scored: ScoredRows, at: npt.NDArray[np.int64]) -> list[Case]:
    """Dataset at positions, with the features that moved their scores most."""
    rows = scored.rows.take(at)
    parts = model.contributions(rows)[:, :-1]
    names = rows.encoding.names
    shown = []
    for number, metadata in enumerate(rows.metadata.to_pylist()):
        strongest = np.argsort(-np.abs(parts[number]), kind="stable")[:REASONS]
        shown.append(
            Case(
                transaction=str(metadata[TRANSACTION_ID]),
                time=f"{metadata[EVENT_TIME]:%Y-%m-%d %H:%M:%S}",
                amount=float(metadata[AMOUNT]),
                score=float(scored.scores[at[number]]),
                reasons=tuple(
                    (names[c], _shown(rows, names[c], number), float(parts[number, c]))
                    for c in strongest
                ),
            )
        )
    return shown


def _shown(rows: Dataset, column: str, number: int) -> str:
    if rows.encoding.columns[column] == "categorical":
        value: pa.Scalar = rows.metadata[column][number]
        return str(value.as_py()) if value.is_valid else "missing"
    number_ = rows.matrix[column][number].as_py()
    return "missing" if np.isnan(number_) else f"{number_:.4g}"
