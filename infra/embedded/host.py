"""What all endpoints of the server share."""

from dataclasses import dataclass
from pathlib import Path

import aiohttp

from infra.embedded.artifacts import Artifacts
from infra.embedded.aws import Aws
from infra.embedded.resources import Resources


@dataclass(frozen=True, slots=True)
class Host:
    """The state, the models, the logs, the rest of AWS and the way to containers.

    Attributes:
        time_scale: how long a second of a DeploymentConfig lasts here.
    """

    resources: Resources
    artifacts: Artifacts
    logs: Path
    aws: Aws
    http: aiohttp.ClientSession
    time_scale: float
