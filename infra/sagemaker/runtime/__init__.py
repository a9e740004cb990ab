"""The runtime plane: requests to an endpoint and what was captured of them."""

from infra.sagemaker.runtime.captured import Answer, read_captured, read_file
from infra.sagemaker.runtime.invocation import Instance, Prediction, ask
from infra.sagemaker.runtime.replay import Replay, replay_once, replaying
from infra.sagemaker.runtime.verification import INFERENCE_ID, find_differences

__all__ = [
    "INFERENCE_ID",
    "Answer",
    "Instance",
    "Prediction",
    "Replay",
    "ask",
    "find_differences",
    "read_captured",
    "read_file",
    "replay_once",
    "replaying",
]
