"""Metrics, the shift of scores, and captured requests."""

from infra.serving.telemetry.capture import capture_line
from infra.serving.telemetry.metrics import Metrics
from infra.serving.telemetry.recorder import Exchange, Recorder

__all__ = [
    "Exchange",
    "Metrics",
    "Recorder",
    "capture_line",
]
