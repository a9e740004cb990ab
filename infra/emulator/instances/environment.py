"""The environment of a container's process.

On SageMaker a container sees the variables of its model and of the platform. Here it is a process
of the user who started the server, so some variables would run code as that user (`PYTHONPATH`,
`LD_PRELOAD`) or hand over credentials: both sides are lists of what is allowed.
"""

import re
from collections.abc import Iterable, Mapping

from infra.emulator.protocol import invalid

# What the serving container reads, and what SageMaker's own tools set for theirs.
FROM_MODEL = (
    "OVERNIGHT_ENDPOINT", "OVERNIGHT_METRICS_SECONDS", "OVERNIGHT_MODEL_DIGEST",
    "OVERNIGHT_MODEL_VERSION", "OVERNIGHT_WORKERS",
)  # fmt: skip
PLATFORM = re.compile(r"SAGEMAKER_[A-Z0-9_]+")
# What Python needs of this machine to start and to find this code.
FROM_MACHINE = (
    "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TMPDIR", "TZ",
)  # fmt: skip


def refuse_environment(names: Iterable[str]) -> None:
    """Refuse variables of a model that a process of this machine must not get.

    Raises:
        ServiceError: naming each of them.
    """
    refused = sorted(name for name in names if not _is_allowed(name))
    if refused:
        raise invalid(
            f"PrimaryContainer.Environment sets {', '.join(refused)}: the embedded SageMaker runs "
            "containers as processes of this machine and passes on SAGEMAKER_* and "
            f"{', '.join(FROM_MODEL)} only."
        )


def build_environment(
    model: Mapping[str, str], machine: Mapping[str, str], *, folder: str
) -> dict[str, str]:
    """Return the environment of a container's process.

    Args:
        model: what the model and the platform set; from the state of an earlier version of this
            server it may hold any name.
        machine: the environment of this process.
        folder: of the unpacked artefact.
    """
    inherited = {name: machine[name] for name in FROM_MACHINE if name in machine}
    allowed = {name: value for name, value in model.items() if _is_allowed(name)}
    return {**inherited, **allowed, "SM_MODEL_DIR": folder}


def _is_allowed(name: str) -> bool:
    return name in FROM_MODEL or PLATFORM.fullmatch(name) is not None
