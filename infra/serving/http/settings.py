"""Settings of the container, parsed from its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingsError(Exception):
    """Variables that cannot be read, all of them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The container's settings.

    Attributes:
        model: the folder of the bundle.
        port: where to listen when no socket is inherited.
        workers: processes that score.
        endpoint: the endpoint's name; None writes no metrics.
        version: the model's number in the registry; None when not set.
        digest: of the one bundle that may be served; None when not set.
        metrics_seconds: how often metrics are written.
        capture: the folder that receives captured requests; None captures none.
    """

    model: Path
    port: int
    workers: int
    endpoint: str | None
    version: str | None
    digest: str | None
    metrics_seconds: float
    capture: Path | None


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read settings from variables; an empty variable counts as unset.

    Raises:
        SettingsError: naming every variable that is no number in its range.
    """
    given = {name: value for name, value in environment.items() if value}
    problems: list[str] = []

    def number(name: str, *, unset: float, least: float) -> float:
        try:
            value = float(given.get(name, unset))
        except ValueError:
            value = float("nan")
        if not value >= least or value == float("inf"):
            problems.append(f"{name} is {given[name]!r}; give a number from {least:g} on")
        return value

    port = number("SAGEMAKER_BIND_TO_PORT", unset=8080, least=1)
    workers = number("OVERNIGHT_WORKERS", unset=_usable_cores(), least=1)
    seconds = number("OVERNIGHT_METRICS_SECONDS", unset=60, least=0.1)
    if problems:
        raise SettingsError("; ".join(problems))
    capture = given.get("OVERNIGHT_CAPTURE")
    return Settings(
        model=Path(given.get("SM_MODEL_DIR", "/opt/ml/model")),
        port=int(port),
        workers=int(workers),
        endpoint=given.get("OVERNIGHT_ENDPOINT"),
        version=given.get("OVERNIGHT_MODEL_VERSION"),
        digest=given.get("OVERNIGHT_MODEL_DIGEST"),
        metrics_seconds=seconds,
        capture=Path(capture) if capture else None,
    )


def _usable_cores() -> int:
    """Return the number of processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
