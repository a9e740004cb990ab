from .bundles import fetch_verified
from .data_summary import TableSummary
from .evaluate import Measured, evaluate_model
from .evaluation_record import EvaluationRecord, GateDecision, read_gate, read_record
from .inputs import (
    digest_training_set,
    last_fold,
    lineage_tags,
    load_rows,
    params_of,
    study_of,
)
from .train import train_model, write_candidate
from .trained_models import TrainedModel, open_trained
from .tune import tune_parameters

__all__ = [
    "EvaluationRecord",
    "GateDecision",
    "Measured",
    "TableSummary",
    "TrainedModel",
    "digest_training_set",
    "evaluate_model",
    "fetch_verified",
    "last_fold",
    "lineage_tags",
    "load_rows",
    "open_trained",
    "params_of",
    "read_gate",
    "read_record",
    "study_of",
    "train_model",
    "tune_parameters",
    "write_candidate",
]
