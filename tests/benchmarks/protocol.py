"""The Fraud Detection Handbook's protocol on the pinned training set: folds, rows, metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from pipelines.config.installation.settings import load_settings
from pipelines.config.references import TableVersion
from pipelines.config.spec import load_spec
from pipelines.modelling.inputs import load_rows
from training.data.dataset import Dataset, day_numbers, test_rows
from training.data.splits import Fold, holdout, validation_folds
from training.evaluation.metrics import daily_card_precision
from training.policy import TrainingPolicy

# Seven folds behind the last test fold reach back to the first validation fold.
SPEC = "handbook?training.folds=7"
AS_OF = "2018-09-12"
WEEK = timedelta(days=7)
TEST_FOLDS = VALIDATION_FOLDS = 4


@dataclass(frozen=True, slots=True)
class Protocol:
    rows: Dataset
    policy: TrainingPolicy
    validation: Sequence[Fold]
    test: Sequence[Fold]


def load_protocol(reference: str, training_set: str) -> Protocol:
    """Rows and folds; the first test fold's validation folds choose everything."""
    load_settings()
    spec = load_spec(reference)
    newest = datetime.fromisoformat(AS_OF).replace(tzinfo=UTC)
    dates = [newest - back * WEEK for back in reversed(range(TEST_FOLDS))]
    policy = spec.training.model_copy(update={"folds": VALIDATION_FOLDS})
    test = [holdout(date, policy, maturity=spec.labels.maturity) for date in dates]
    rows = load_rows(spec, TableVersion.parse(training_set), holdout=test[0])
    return Protocol(rows, policy, validation_folds(test[0], policy), test)


def measure_fold(protocol: Protocol, fold: Fold, scores: np.ndarray) -> tuple[float, float, float]:
    """AUC, average precision, card precision@100 of one fold."""
    test = test_rows(protocol.rows, fold, protocol.policy)
    assert len(test) == len(scores)
    cards = test.metadata["customer_id"].to_numpy()
    daily = daily_card_precision(cards, day_numbers(test, fold.test), test.labels, scores, k=100)
    return (
        float(roc_auc_score(test.labels, scores)),
        float(average_precision_score(test.labels, scores)),
        float(np.mean(daily)),
    )
