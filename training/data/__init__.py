"""Dataset as a model reads them."""

from training.data.dataset import (
    Dataset,
    check_folds,
    day_numbers,
    empty_columns,
    gather_rows,
    is_tested,
    test_rows,
)
from training.data.encoding import Encoding, as_numbers, learn_encoding
from training.data.splits import Fold, holdout, validation_folds

__all__ = [
    "Dataset",
    "Encoding",
    "Fold",
    "as_numbers",
    "check_folds",
    "day_numbers",
    "empty_columns",
    "gather_rows",
    "holdout",
    "is_tested",
    "learn_encoding",
    "test_rows",
    "validation_folds",
]
