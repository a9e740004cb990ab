"""Logistic regression on the same rows: what a model of trees has to beat."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from expectations.contract import LABEL, AttributeKind
from training.matrix import learn_encoding
from training.policy import TrainingPolicy


def score_baseline(
    train: pa.Table,
    test: pa.Table,
    *,
    columns: Mapping[str, AttributeKind],
    policy: TrainingPolicy,
) -> npt.NDArray[np.float64]:
    """Fit on train rows and score test rows.

    Returns:
        Fraud probabilities, one a test row.
    """
    encoding = learn_encoding(train, columns)
    numeric = [at for at in range(len(columns)) if at not in encoding.categorical]
    numbers = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    categories = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=-1.0),
        OneHotEncoder(handle_unknown="ignore"),
    )
    model = make_pipeline(
        ColumnTransformer(
            [("numeric", numbers, numeric), ("categorical", categories, encoding.categorical)]
        ),
        LogisticRegression(max_iter=1_000, random_state=policy.seed),
    )
    model.fit(encoding.encode(train), train[LABEL].to_numpy())
    scores: npt.NDArray[np.float64] = model.predict_proba(encoding.encode(test))[:, 1]
    return scores
