from .bundles import fetch_verified
from .data_summary import TableSummary
from .evaluate import Measured, evaluate_model
from .evaluation_record import GateDecision, Material, read_gate, read_material
from .inputs import digest_training_set, last_fold, lineage_tags, load_rows, study_of
from .train import train_model, write_candidate
from .trained_models import TrainedModel, open_trained
from .tune import tune_parameters

__all__ = [
    "GateDecision",
    "Material",
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
    "read_gate",
    "read_material",
    "study_of",
    "train_model",
    "tune_parameters",
    "write_candidate",
]
