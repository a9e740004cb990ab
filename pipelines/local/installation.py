"""Checks of an installation: all that a step needs of the machine and of the servers around it.

Each check gives a line about what is in order, or raises what the step would. Nothing is made:
an embedded database that is not there yet is one that the first night makes.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from expectations.contract import InputError, OvernightError, hide_passwords
from infra.files import find_path
from pipelines.config.installation import VARIABLE, Session, Settings, load_notifiers

LEAST_FREE_BYTES = 1 << 30


def check_lake(settings: Settings) -> str:
    """The tables can be written."""
    if "://" not in settings.lake:
        _require_writable("OVERNIGHT_LAKE", Path(settings.lake))
    else:
        from feature_jobs.io import resolve

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
    """There is room to write: of the home, of a lake in a folder and of temporary files."""
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
    """Java is there where Spark runs in this process."""
    if not isinstance(settings.spark, Session):
        return f"Spark as an application: {settings.spark.id}"
    from feature_jobs.executors.spark import find_java

    return str(find_java(settings.scratch))


def check_tracking(settings: Settings) -> str:
    """The registry answers, and lets us in."""
    shown = hide_passwords(settings.tracking_uri)
    if find_path(settings.tracking_uri) is not None:
        _require_database("MLFLOW_TRACKING_URI", settings.tracking_uri)
    elif urlsplit(settings.tracking_uri).scheme in {"http", "https"}:
        from pipelines.tracking import require_tracking

        require_tracking()
    return shown


def check_studies(settings: Settings) -> str:
    """The database of the studies opens."""
    if find_path(settings.studies) is not None:
        _require_database("OVERNIGHT_STUDIES", settings.studies)
    else:
        from training.search import require_database

        require_database(settings.studies)
    return hide_passwords(settings.studies)


def check_notifiers(_settings: Settings) -> str:
    """People can be told of a failure."""
    named = load_notifiers(os.environ)
    told = ", ".join(each.path.rpartition(".")[2] for each in named)
    return told or f"none ({VARIABLE}): nobody is told of a failure"


def check_roles(_settings: Settings) -> str:
    """The file of roles of the MLflow server is in order, where there is one."""
    from infra.tracking.roles import ROLES_VARIABLE, read_roles

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
    "told": check_notifiers,
}


def _existing(path: Path) -> Path:
    """A folder, or the nearest above it that is there."""
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
    """A SQLite file that can be read and written, or that can be made."""
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
