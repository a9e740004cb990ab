"""Pictures of a test window, as PNG files."""

from pathlib import Path

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve, roc_curve

from training.evaluation import ScoredRows, calibration_bins

SHOWN_FEATURES = 20
Floats = npt.NDArray[np.float64]


def draw_plots(
    folder: Path,
    *,
    scored: ScoredRows,
    baseline: Floats,
    threshold: float,
    money: Floats,
    booster: lgb.Booster,
    contributions: tuple[Floats, Floats],
) -> list[Path]:
    """Draw a test window; returns the files in the order in which they are read.

    Args:
        folder: receives the files.
        scored: the rows and their scores.
        baseline: the logistic regression's scores of the same rows.
        threshold: from it on a row is an alert.
        money: saved on each day.
        booster: of which the gains are drawn.
        contributions: TreeSHAP contributions and values, of shape (rows, columns) each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels, scores = scored.labels, scored.scores
    figures = {
        "precision_recall": _draw_precision_recall(labels, scores, baseline),
        "low_false_positive_rates": _draw_roc(labels, scores, baseline),
        "calibration": _draw_calibration(labels, scores),
        "scores": _draw_scores(labels, scores, threshold),
        "money_by_day": _draw_money(money),
        "contributions": _draw_contributions(booster.feature_name(), *contributions),
        "gains": _draw_gains(booster),
    }
    paths = [folder / f"{name}.png" for name in figures]
    for path, figure in zip(paths, figures.values(), strict=True):
        # Without the version of Matplotlib, so that the same picture has the same bytes.
        figure.savefig(path, metadata={"Software": None})
    return paths


def _draw_precision_recall(
    labels: npt.NDArray[np.int8], scores: Floats, baseline: Floats
) -> Figure:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, each in (("model", scores), ("logistic regression", baseline)):
        precision, recall, _ = precision_recall_curve(labels, each)
        axes.step(recall, precision, where="post", label=name)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend()
    return figure


def _draw_roc(labels: npt.NDArray[np.int8], scores: Floats, baseline: Floats) -> Figure:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, each in (("model", scores), ("logistic regression", baseline)):
        rates, hits, _ = roc_curve(labels, each)
        axes.step(rates, hits, where="post", label=name)
    axes.set(xlabel="false-positive rate", ylabel="recall", xlim=(0, 0.05), ylim=(0, 1.02))
    axes.legend()
    return figure


def _draw_calibration(labels: npt.NDArray[np.int8], scores: Floats) -> Figure:
    means, shares, counts = zip(*calibration_bins(labels, scores), strict=True)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    low = min(1e-4, min(m for m in means if m > 0) if any(means) else 1e-4)
    axes.plot([low, 1], [low, 1], color="grey", linewidth=1)
    shown = [max(share, low) for share in shares]
    axes.plot(means, shown, marker="o")
    for mean, share, count in zip(means, shown, counts, strict=True):
        axes.annotate(f"{count:,}", (mean, share), textcoords="offset points", xytext=(4, -10))
    axes.set(xlabel="mean score", ylabel="share of frauds", xscale="log", yscale="log")
    return figure


def _draw_scores(labels: npt.NDArray[np.int8], scores: Floats, threshold: float) -> Figure:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    bins = np.linspace(0, 1, 51).tolist()
    axes.hist(scores[labels == 0], bins=bins, alpha=0.6, label="legitimate")
    axes.hist(scores[labels == 1], bins=bins, alpha=0.6, label="fraud")
    axes.axvline(threshold, color="black", linewidth=1, label="threshold")
    axes.set(xlabel="score", ylabel="transactions", yscale="log")
    axes.legend()
    return figure


def _draw_money(money: Floats) -> Figure:
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    axes.bar(np.arange(len(money)), money)
    axes.set(xlabel="day of the test window", ylabel="money saved")
    return figure


def _draw_contributions(names: list[str], parts: Floats, values: Floats) -> Figure:
    """A dot a row and column: its contribution, coloured by the rank of its value."""
    order = np.argsort(np.abs(parts).mean(axis=0))[-SHOWN_FEATURES:]
    figure = Figure(figsize=(8, 1 + 0.3 * len(order)), layout="constrained")
    axes = figure.subplots()
    chance = np.random.default_rng(0)
    for height, column in enumerate(order):
        ranks = values[:, column].argsort().argsort() / max(1, len(values) - 1)
        heights = height + chance.uniform(-0.3, 0.3, len(parts))
        axes.scatter(parts[:, column], heights, c=ranks, cmap="coolwarm", s=4, linewidths=0)
    axes.axvline(0, color="grey", linewidth=1)
    axes.set_yticks(range(len(order)), [names[column] for column in order])
    axes.set(xlabel="contribution to the log odds; blue: low value, red: high")
    return figure


def _draw_gains(booster: lgb.Booster) -> Figure:
    gains = booster.feature_importance("gain")
    order = np.argsort(gains)[-SHOWN_FEATURES:]
    names = booster.feature_name()
    figure = Figure(figsize=(7, 1 + 0.25 * len(order)), layout="constrained")
    axes = figure.subplots()
    axes.barh([names[at] for at in order], gains[order])
    axes.set(xlabel="gain")
    return figure
