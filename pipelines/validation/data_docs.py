"""What validation leaves: Great Expectations' pages, their address, and a summary of each table."""

from pathlib import Path

from pydantic import TypeAdapter

from expectations.results import Validated
from pipelines.config.installation import Settings
from pipelines.lake import parse_as_of

SUMMARY = "summary.json"

_VALIDATED = TypeAdapter(Validated)


def docs_folder(settings: Settings, spec: str, as_of: str, table: str) -> Path:
    """The folder of a table's pages: one for each knowledge time, written anew by each run."""
    return settings.data_docs / spec / _stamp(as_of) / table


def docs_address(settings: Settings, spec: str, as_of: str = "") -> str:
    """Where `overnight up` serves the pages of a spec, or of one knowledge time."""
    pages = f"{settings.docs_url}/{spec}/"
    return f"{pages}{_stamp(as_of)}/" if as_of else pages


def newest_docs(settings: Settings, spec: str) -> str | None:
    """The address of the newest pages of a spec; None when there are none."""
    folder = settings.data_docs / spec
    dates = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    newest = max(dates, key=lambda path: path.stat().st_mtime, default=None)
    return None if newest is None else f"{docs_address(settings, spec)}{newest.name}/"


def keep_summary(folder: Path, found: Validated) -> None:
    """Write what was found beside the pages of a table."""
    (folder / SUMMARY).write_bytes(_VALIDATED.dump_json(found, indent=2))


def read_summaries(settings: Settings, spec: str, as_of: str) -> dict[str, Validated]:
    """What was found of each table at a knowledge time; empty when nothing was checked here."""
    pages = settings.data_docs / spec / _stamp(as_of)
    return {
        path.parent.name: _VALIDATED.validate_json(path.read_bytes())
        for path in sorted(pages.glob(f"*/{SUMMARY}"))
    }


def _stamp(as_of: str) -> str:
    """A knowledge time as the name of a folder."""
    instant = parse_as_of(as_of)
    is_date = (instant.hour, instant.minute, instant.second) == (0, 0, 0)
    return f"{instant:%Y-%m-%d}" if is_date else f"{instant:%Y-%m-%dT%H%M%S}"
