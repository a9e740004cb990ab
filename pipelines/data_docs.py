"""Where Great Expectations' pages stand, and under which address they are served."""

from pathlib import Path

from pipelines.settings import Settings


def docs_folder(settings: Settings, spec: str, as_of: str, table: str) -> Path:
    """The folder of a table's pages: one for each knowledge time, written anew by each run."""
    return settings.data_docs / spec / as_of.replace(":", "") / table


def docs_address(settings: Settings, spec: str, as_of: str = "") -> str:
    """Where `overnight up` serves the pages of a spec, or of one knowledge time."""
    path = "/".join(part for part in (spec, as_of.replace(":", "")) if part)
    return f"http://127.0.0.1:{settings.ports.docs}/{path}/"


def newest_docs(settings: Settings, spec: str) -> str | None:
    """The address of the newest pages of a spec; None when there are none."""
    folder = settings.data_docs / spec
    dates = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    newest = max(dates, key=lambda path: path.stat().st_mtime, default=None)
    return None if newest is None else docs_address(settings, spec, newest.name)
