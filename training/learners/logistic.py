"""Logistic regression on the same rows: what a model of trees has to beat."""

import numpy as np
import numpy.typing as npt
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from training.data import Dataset, as_numbers
from training.policy import TrainingPolicy

Floats = npt.NDArray[np.float64]

# More legitimate rows move its 1/sqrt(n) less than a fold differs from the next.
MAX_LEGITIMATE = 100_000
PREDICTED_AT_ONCE = 50_000


def score_baseline(train: Dataset, test: Dataset, *, policy: TrainingPolicy) -> Floats:
    """Fit on train rows and score test rows.

    All frauds are used and up to 100,000 legitimate rows, weighted for those left out.

    Returns:
        Fraud probabilities, one a test row.
    """
    frauds, others = (np.flatnonzero(train.labels == label) for label in (1, 0))
    kept = np.random.default_rng(policy.seed).choice(
        others, min(len(others), MAX_LEGITIMATE), replace=False
    )
    chosen = train.take(np.sort(np.concatenate([frauds, kept])))
    weights = np.where(chosen.labels == 1, 1.0, len(others) / len(kept))
    categorical = train.encoding.categorical
    numeric = [at for at in range(len(train.encoding.names)) if at not in categorical]
    numbers = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    categories = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=-1.0), OneHotEncoder(handle_unknown="ignore")
    )
    model = make_pipeline(
        ColumnTransformer(
            [("numeric", numbers, numeric), ("categorical", categories, categorical)]
        ),
        LogisticRegression(max_iter=1_000),
    )
    # In doubles: sums of squares of large amounts lose their small terms in 32 bits.
    model.fit(
        as_numbers(chosen.matrix).astype(np.float64),
        chosen.labels,
        logisticregression__sample_weight=weights,
    )
    return np.concatenate([_predict(model, part) for part in _pieces(test)])


def _predict(model: object, rows: Dataset) -> Floats:
    numbers = as_numbers(rows.matrix).astype(np.float64)
    scores: Floats = model.predict_proba(numbers)[:, 1]  # type: ignore[attr-defined]
    return scores


def _pieces(rows: Dataset) -> list[Dataset]:
    return [
        rows.take(np.arange(first, min(first + PREDICTED_AT_ONCE, len(rows))))
        for first in range(0, len(rows), PREDICTED_AT_ONCE)
    ]
