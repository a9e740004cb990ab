"""Checks of an installation: the needs of the steps on the machine and on the servers around it.

Each check returns a line about the state, or raises the error of the step. Nothing is created: an
embedded database that does not exist yet is created by the first night.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from expectations.contract import InputError, OvernightError, hide_passwords
from feature_jobs.io import resolve
from infra.files import find_path
from infra.tracking import ROLES_VARIABLE, read_roles
from pipelines.config.installation import VARIABLE, Session, Settings, load_notifiers
from pipelines.tracking import require_tracking

LEAST_FREE_BYTES = 1 << 30


def check_lake(settings: Settings) -> str:
    """Check that the tables can be written."""
    if "://" not in settings.lake:
        _require_writable("OVERNIGHT_LAKE", Path(settings.lake))
    else:
        try:
            filesystem, path = resolve(settings.lake)
            filesystem.get_file_info(path)
        except (OSError, ValueError) as error:
            raise InputError(
                f"OVERNIGHT_LAKE: {settings.lake} cannot be reached: {str(error).splitlines()[0]}; "
                "correct it, the region (AWS_DEFAULT_REGION) or the credentials"
            ) from error
    return settings.lake


def check_disk(settings: Settings) -> str:
    """Check the free space of the home, of a lake in a folder and of temporary files."""
    folders = {"OVERNIGHT_HOME": settings.home, "TMPDIR": Path(os.environ.get("TMPDIR") or "/tmp")}  # noqa: S108 -- what Python itself falls back to
    if "://" not in settings.lake:
        folders["OVERNIGHT_LAKE"] = Path(settings.lake)
    free = {name: shutil.disk_usage(_existing(path)).free for name, path in folders.items()}
    name = min(free, key=lambda each: free[each])
    if free[name] < LEAST_FREE_BYTES:
        raise InputError(
            f"{name}: {free[name] / 2**20:,.0f} MiB are free on its disk, and a night may need "
            f"{LEAST_FREE_BYTES / 2**20:,.0f}; make room, or name another disk"
        )
    return f"{free[name] / 2**30:,.1f} GiB free"


def check_compute(settings: Settings) -> str:
    """Check for Java where Spark runs in this process."""
    if not isinstance(settings.spark, Session):
        return f"Spark as an application: {settings.spark.id}"
    from feature_jobs.executors.spark import find_java  # loads Spark

    return str(find_java(settings.scratch))


def check_tracking(settings: Settings) -> str:
    """Check that the registry answers and accepts the credentials."""
    shown = hide_passwords(settings.tracking_uri)
    if find_path(settings.tracking_uri) is not None:
        _require_database("MLFLOW_TRACKING_URI", settings.tracking_uri)
    elif urlsplit(settings.tracking_uri).scheme in {"http", "https"}:
        require_tracking()
    return shown


def check_studies(settings: Settings) -> str:
    """Check that the database of the studies opens."""
    if find_path(settings.studies) is not None:
        _require_database("OVERNIGHT_STUDIES", settings.studies)
    else:
        from training.search import require_database  # loads Optuna

        require_database(settings.studies)
    return hide_passwords(settings.studies)


def check_notifiers(_settings: Settings) -> str:
    """Check that the notifiers of failures can be imported."""
    named = load_notifiers(os.environ)
    message = ", ".join(each.path.rpartition(".")[2] for each in named)
    return message or f"none ({VARIABLE}): nobody is notified of a failure"


def check_roles(_settings: Settings) -> str:
    """Check the file of roles of the MLflow server, where there is one."""
    path = os.environ.get(ROLES_VARIABLE)
    if not path:
        return f"none ({ROLES_VARIABLE}): whoever reaches MLflow may approve"
    return f"{path}: {len(read_roles(Path(path)))} people"


CHECKS: Mapping[str, Callable[[Settings], str]] = {
    "java": check_compute,
    "disk": check_disk,
    "lake": check_lake,
    "tracking": check_tracking,
    "studies": check_studies,
    "roles": check_roles,
    "notifiers": check_notifiers,
}


def _existing(path: Path) -> Path:
    """Return a folder, or the nearest existing folder above it."""
    absolute = path.absolute()
    return next(each for each in (absolute, *absolute.parents) if each.exists())


def _require_writable(variable: str, folder: Path) -> None:
    there = _existing(folder)
    if not there.is_dir():
        raise InputError(f"{variable}: {there} is no folder; name another")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(
            f"{variable}: {there} cannot be written by this user; let it, or name another"
        )


def _require_database(variable: str, url: str) -> None:
    """Check that a SQLite file can be read and written, or created."""
    path = find_path(url)
    if path is None:
        return
    _require_writable(variable, path.parent)
    if not path.exists():
        return
    if not path.is_file() or not os.access(path, os.R_OK | os.W_OK):
        raise InputError(f"{variable}: {path} cannot be read and written; correct its mode")
    with path.open("rb") as file:
        begins = file.read(16)
    if begins and begins != b"SQLite format 3\x00":
        raise OvernightError(f"{variable}: {path} is no SQLite database; move it away")
