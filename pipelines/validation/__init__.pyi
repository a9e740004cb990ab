from .data_docs import docs_address, latest_docs, read_summaries
from .validate import (
    check_snapshot,
    validate_features,
    validate_scores,
    validate_snapshot,
    validate_training_set,
)

__all__ = [
    "check_snapshot",
    "docs_address",
    "latest_docs",
    "read_summaries",
    "validate_features",
    "validate_scores",
    "validate_snapshot",
    "validate_training_set",
]
