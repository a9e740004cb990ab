"""The arrays a searcher reads and the scores it writes; numpy only, for peers' own environments.

matrix.npy   float32 (rows, columns)      labels.npy   int8 (rows)
folds.json   {"validation": [[first, end, name], …], "test": […]}: rows [first, end) are
             trained on, `name.npy` holds the positions of the rows that are scored
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Fold:
    """Rows to fit on, `[first, end)`, and positions of the rows to score."""

    first: int
    end: int
    test: np.ndarray


@dataclass(frozen=True)
class Arrays:
    matrix: np.ndarray
    labels: np.ndarray
    validation: list[Fold]
    test: list[Fold]


def load(folder: Path) -> Arrays:
    listed = json.loads((folder / "folds.json").read_text())
    validation, test = (
        [Fold(first, end, np.load(folder / f"{name}.npy")) for first, end, name in listed[role]]
        for role in ("validation", "test")
    )
    return Arrays(np.load(folder / "matrix.npy"), np.load(folder / "labels.npy"), validation, test)


def save_scores(target: Path, scores: list[np.ndarray], facts: dict[str, object]) -> None:
    """Write a searcher's scores of each test fold, and what it has to say of its search."""
    target.mkdir(parents=True, exist_ok=True)
    for number, own in enumerate(scores):
        np.save(target / f"scores-{number}.npy", np.asarray(own, dtype=np.float64))
    (target / "facts.json").write_text(json.dumps(facts, indent=2, default=str))
