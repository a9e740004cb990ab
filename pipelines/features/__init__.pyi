from .build import build_feature_table, carry_out, plan_feature_table
from .catalogue import list_features
from .leakage_check import prove_no_leak
from .plan import FEATURES, plan_features
from .training_set import TRAINING_SETS, build_training_table, build_training_version

__all__ = [
    "FEATURES",
    "TRAINING_SETS",
    "build_feature_table",
    "build_training_table",
    "build_training_version",
    "carry_out",
    "list_features",
    "plan_feature_table",
    "plan_features",
    "prove_no_leak",
]
