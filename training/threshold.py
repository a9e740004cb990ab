"""The score from which a transaction is an alert, from the share that may be alerts."""

import numpy as np
import numpy.typing as npt


def choose_threshold(scores: npt.NDArray[np.float64], *, alert_rate: float) -> float:
    """The smallest threshold with at most `alert_rate` of the scores at or above it.

    Where several rows share the score at the limit, none of them is an alert.

    Args:
        scores: of rows the model was not fitted on; at least one.
        alert_rate: in (0, 1).

    >>> choose_threshold(np.array([0.1, 0.2, 0.3, 0.4]), alert_rate=0.5)
    0.3
    """
    distinct, counts = np.unique(scores, return_counts=True)
    at_or_above = counts[::-1].cumsum()[::-1]
    allowed = distinct[at_or_above <= alert_rate * len(scores)]
    return float(allowed[0]) if len(allowed) else float(np.nextafter(distinct[-1], np.inf))
