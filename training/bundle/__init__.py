"""The file format of a model: written, with calibration, threshold and reference."""

from training.bundle.calibration import apply_calibration, fit_calibration
from training.bundle.reference import build_reference
from training.bundle.review_value import daily_ranks, is_reviewed, review_gains, reviewed_gains
from training.bundle.threshold import choose_threshold, threshold_name
from training.bundle.writing import Bundle, load_bundle, write_bundle

__all__ = [
    "Bundle",
    "apply_calibration",
    "build_reference",
    "choose_threshold",
    "daily_ranks",
    "fit_calibration",
    "is_reviewed",
    "load_bundle",
    "review_gains",
    "reviewed_gains",
    "threshold_name",
    "write_bundle",
]
