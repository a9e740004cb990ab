"""The list of the runs of an index, and of the parts of the table that they cover.

One small file, replaced at once: an index changes when its list does.
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from pyarrow import fs

from feature_jobs.io import read_bytes, replace, resolve
from pipelines.ingestion.index.runs import Chunk, Run
from pipelines.lake.vacuum import PATIENCE

log = logging.getLogger(__name__)

NAME = "runs.json"
# Raise it when ids are hashed or runs are written in another way.
FORMAT = 1


@dataclass(frozen=True, slots=True)
class RunList:
    """The runs, the oldest first, and the paths of the covered parts."""

    runs: tuple[Run, ...] = ()
    covered: frozenset[str] = frozenset()


def load_list(folder: str) -> RunList:
    """Read the list of an index; an empty one when there is none, or none that can be used."""
    try:
        listed = json.loads(read_bytes(f"{folder}/{NAME}"))
        if listed["format"] != FORMAT:
            return RunList()
        runs = tuple(
            Run(
                run["name"],
                tuple(Chunk(*map(int, chunk)) for chunk in run["chunks"]),
                None if run.get("fences") is None else int(run["fences"]),
            )
            for run in listed["runs"]
        )
        covered = frozenset(map(str, listed["covered"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return RunList()
    return RunList(runs, covered)


def save_list(folder: str, listed: RunList) -> None:
    """Replace the list of an index."""
    content = {
        "format": FORMAT,
        "runs": [
            {
                "name": run.name,
                "chunks": [chunk.values for chunk in run.chunks],
                "fences": run.fence_sum,
            }
            for run in listed.runs
        ],
        "covered": sorted(listed.covered),
    }
    replace(f"{folder}/{NAME}", json.dumps(content).encode())


def remove_unlisted(folder: str, listed: RunList, *, replaced: Iterable[str]) -> None:
    """Remove files that are not listed: replaced runs, and what was left two days ago.

    A younger one may be a run of another process that is about to list it.
    """
    filesystem, path = resolve(folder)
    kept, gone = {NAME, *(run.name for run in listed.runs)}, set(replaced)
    before = datetime.now(UTC) - PATIENCE
    found = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
    for file in (each for each in found if each.is_file):
        if file.base_name not in kept and (file.base_name in gone or file.mtime < before):
            try:
                filesystem.delete_file(f"{path}/{file.base_name}")
            except FileNotFoundError:
                continue  # another process removed it
            except OSError as error:
                # It only takes space, and a role may have no right to delete.
                log.warning("%s/%s was not deleted: %s", folder, file.base_name, error)
                return
