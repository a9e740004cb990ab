"""Precision of the cards that can be looked at in a day."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def daily_card_precision(
    cards: npt.NDArray[np.generic],
    days: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int8],
    scores: Floats,
    *,
    k: int,
) -> list[float]:
    """Of the k cards with the highest score of each day, the share that had a fraud that day.

    A card found on one day is dropped on later days, for it is stopped (Fraud Detection Handbook,
    "Precision top-k metrics").

    Returns:
        One number per day that has rows, in order.
    """
    found: set[object] = set()
    daily = []
    for day in np.unique(days):
        on_day = np.flatnonzero(days == day)
        best: dict[object, tuple[float, int]] = {}
        for card, score, label in zip(
            cards[on_day].tolist(), scores[on_day], labels[on_day], strict=True
        ):
            if card not in found:
                high, fraud = best.get(card, (-np.inf, 0))
                best[card] = max(high, float(score)), max(fraud, int(label))
        ranked = sorted(best.items(), key=lambda item: -item[1][0])[:k]
        hits = [card for card, (_, fraud) in ranked if fraud]
        daily.append(len(hits) / k)
        found.update(hits)
    return daily
