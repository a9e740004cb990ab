"""Pictures of a test window, as PNG files."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from training.bundle import Bundle

SHOWN_FEATURES = 20


def draw_plots(
    folder: Path,
    *,
    bundle: Bundle,
    labels: npt.NDArray[np.generic],
    scores: npt.NDArray[np.float64],
) -> None:
    """Draw the precision-recall curve, the scores of both classes and the features' gains."""
    folder.mkdir(parents=True, exist_ok=True)
    _draw_precision_recall(labels, scores).savefig(folder / "precision_recall.png")
    _draw_scores(labels, scores, bundle.threshold).savefig(folder / "scores.png")
    _draw_gains(bundle).savefig(folder / "gains.png")


def _draw_precision_recall(
    labels: npt.NDArray[np.generic], scores: npt.NDArray[np.float64]
) -> Figure:
    precision, recall, _ = precision_recall_curve(labels, scores)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.step(recall, precision, where="post")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    return figure


def _draw_scores(
    labels: npt.NDArray[np.generic], scores: npt.NDArray[np.float64], threshold: float
) -> Figure:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    bins = np.linspace(0, 1, 51).tolist()
    axes.hist(scores[labels == 0], bins=bins, alpha=0.6, label="legitimate")
    axes.hist(scores[labels == 1], bins=bins, alpha=0.6, label="fraud")
    axes.axvline(threshold, color="black", linewidth=1, label="threshold")
    axes.set(xlabel="score", ylabel="transactions", yscale="log")
    axes.legend()
    return figure


def _draw_gains(bundle: Bundle) -> Figure:
    gains = bundle.booster.feature_importance("gain")
    order = np.argsort(gains)[-SHOWN_FEATURES:]
    names = bundle.encoding.names
    figure = Figure(figsize=(7, 1 + 0.25 * len(order)), layout="constrained")
    axes = figure.subplots()
    axes.barh([names[at] for at in order], gains[order])
    axes.set(xlabel="gain")
    return figure
