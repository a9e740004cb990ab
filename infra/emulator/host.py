"""State that all endpoints of the server share."""

from dataclasses import dataclass
from pathlib import Path

from infra.emulator.artifacts import Artifacts
from infra.emulator.cloudwatch import Alarms, Metrics
from infra.emulator.endpoints.captures import Captures
from infra.emulator.faults import Faults
from infra.emulator.instances import Runtime
from infra.emulator.protocol import CallLog
from infra.emulator.resources import Resources


@dataclass(frozen=True, slots=True)
class Host:
    """The state, models, logs and observers of invocations.

    Attributes:
        runtime: how containers are started.
        time_scale: how long a second of a DeploymentConfig lasts here.
    """

    resources: Resources
    artifacts: Artifacts
    runtime: Runtime
    logs: Path
    faults: Faults
    calls: CallLog
    metrics: Metrics
    alarms: Alarms
    captures: Captures
    time_scale: float
