"""What all endpoints of the server share."""

from dataclasses import dataclass
from pathlib import Path

from infra.embedded.alarms import Alarms
from infra.embedded.artifacts import Artifacts
from infra.embedded.calls import Calls
from infra.embedded.captures import Captures
from infra.embedded.faults import Faults
from infra.embedded.metrics import Metrics
from infra.embedded.resources import Resources
from infra.embedded.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Host:
    """The state, the models, the logs, and what hears of every invocation.

    Attributes:
        runtime: how containers are started.
        time_scale: how long a second of a DeploymentConfig lasts here.
    """

    resources: Resources
    artifacts: Artifacts
    runtime: Runtime
    logs: Path
    faults: Faults
    calls: Calls
    metrics: Metrics
    alarms: Alarms
    captures: Captures
    time_scale: float
