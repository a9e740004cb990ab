"""The results of data checks: Great Expectations' pages, their address, a summary of each table."""

from pathlib import Path

from pydantic import TypeAdapter

from expectations import Validated
from pipelines.config.installation import Settings
from pipelines.lake import parse_as_of

SUMMARY = "summary.json"

_VALIDATED = TypeAdapter(Validated)


def docs_folder(settings: Settings, spec: str, as_of: str, table: str) -> Path:
    """Return the folder of a table's pages, one for each knowledge time; each run rewrites it."""
    return settings.data_docs / spec / _stamp(as_of) / table


def docs_address(settings: Settings, spec: str, as_of: str = "") -> str:
    """Return the address of the pages of a spec, or of one knowledge time."""
    pages = f"{settings.docs_url}/{spec}/"
    return f"{pages}{_stamp(as_of)}/" if as_of else pages


def latest_docs(settings: Settings, spec: str) -> str | None:
    """Return the address of the latest pages of a spec; None when there are none."""
    folder = settings.data_docs / spec
    dates = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    latest = max(dates, key=lambda path: path.stat().st_mtime, default=None)
    return None if latest is None else f"{docs_address(settings, spec)}{latest.name}/"


def keep_summary(folder: Path, found: Validated) -> None:
    """Write the findings beside the pages of a table."""
    (folder / SUMMARY).write_bytes(_VALIDATED.dump_json(found, indent=2))


def read_summaries(settings: Settings, spec: str, as_of: str) -> dict[str, Validated]:
    """Read the findings of each table at a knowledge time; empty when nothing was checked here."""
    pages = settings.data_docs / spec / _stamp(as_of)
    return {
        path.parent.name: _VALIDATED.validate_json(path.read_bytes())
        for path in sorted(pages.glob(f"*/{SUMMARY}"))
    }


def _stamp(as_of: str) -> str:
    """Write a knowledge time as the name of a folder."""
    instant = parse_as_of(as_of)
    is_date = (instant.hour, instant.minute, instant.second) == (0, 0, 0)
    return f"{instant:%Y-%m-%d}" if is_date else f"{instant:%Y-%m-%dT%H%M%S}"
