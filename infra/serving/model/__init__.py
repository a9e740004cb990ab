"""The bundle as the container reads it: the format, the scorer, the reasons."""

from infra.serving.model.bundle import MANIFEST_FILE, Bundle, BundleError, Feature, load_bundle
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
    "MANIFEST_FILE",
    "MAX_INSTANCES",
    "MAX_LISTED_PROBLEMS",
    "Bundle",
    "BundleError",
    "Feature",
    "Instance",
    "Prediction",
    "Reasons",
    "RequestError",
    "Row",
    "Scorer",
    "Signature",
    "UnknownCategories",
    "UnknownFeatures",
    "category_codes",
    "load_bundle",
    "load_scorer",
    "refuse",
    "refuse_many",
    "shown",
    "try_apart",
]
