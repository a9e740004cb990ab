"""The bundle as the container reads it: the format, the scorer, the reasons."""

from infra.serving.model.bundle import (
    FORMAT,
    MANIFEST_FILE,
    MODEL_FILE,
    Bundle,
    BundleError,
    Calibration,
    Feature,
    GoldenVector,
    Reference,
    Threshold,
    Value,
    load_bundle,
    save_bundle,
)
from infra.serving.model.calibration import Calibrate, calibrate_with, log_odds
from infra.serving.model.refusal import RequestError
from infra.serving.model.row import Row
from infra.serving.model.scorer import Prediction, Reasons, Scorer, load_scorer
from infra.serving.model.signature import (
    MAX_INSTANCES,
    MAX_LISTED_PROBLEMS,
    Instance,
    Signature,
    UnknownCategories,
    UnknownFeatures,
    category_codes,
    refuse,
    refuse_many,
    shown,
)
from infra.serving.model.trial_load import try_apart

__all__ = [
    "FORMAT",
    "MANIFEST_FILE",
    "MAX_INSTANCES",
    "MAX_LISTED_PROBLEMS",
    "MODEL_FILE",
    "Bundle",
    "BundleError",
    "Calibrate",
    "Calibration",
    "Feature",
    "GoldenVector",
    "Instance",
    "Prediction",
    "Reasons",
    "Reference",
    "RequestError",
    "Row",
    "Scorer",
    "Signature",
    "Threshold",
    "UnknownCategories",
    "UnknownFeatures",
    "Value",
    "calibrate_with",
    "category_codes",
    "load_bundle",
    "load_scorer",
    "log_odds",
    "refuse",
    "refuse_many",
    "save_bundle",
    "shown",
    "try_apart",
]
