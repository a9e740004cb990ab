"""Metrics and alarms as CloudWatch evaluates them."""

from infra.emulator.cloudwatch.alarm_file import AlarmFile
from infra.emulator.cloudwatch.alarms import Alarms
from infra.emulator.cloudwatch.emf import Sample, read_line
from infra.emulator.cloudwatch.metrics import Metrics

__all__ = [
    "AlarmFile",
    "Alarms",
    "Metrics",
    "Sample",
    "read_line",
]
