"""Messages about damaged files of the lake: the file, the damage, and the command that repairs it.

A part is named by the hash of its bytes, so every reader can verify it. A changed file is never
trained on, decided about or written on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from expectations.contract import OvernightError

SHOWN = 12
BACKUP = "Restore what is damaged from a backup of the lake"
FORGET = (
    'move the folder of the manifest away and run "overnight ingest {spec} --as-of AS_OF": every '
    "file of the source is read again, and rows that are filed already stay as they are."
)
# The command that writes a table's parts; a table without one is restored from a backup.
MAKERS: Mapping[str, str] = {
    "transactions": "ingest {spec} --as-of AS_OF",
    "labels": "ingest {spec} --as-of AS_OF",
    "quarantine": "ingest {spec} --as-of AS_OF",
    "features": "build-features {spec} --as-of AS_OF",
    "training_sets": "build-training-set {spec} --as-of AS_OF",
    "scores": "score-batch {spec} --day DAY",
    "profiles": "validate {spec} --as-of AS_OF",
}
# The command that writes damaged parts again, where it is another one: files that were read are
# not read again.
REPAIR = "repair {spec}"
REPAIRED = frozenset({"transactions", "labels", "quarantine"})
# The conditions under which the command writes the same bytes again.
GIVEN: Mapping[str, str] = {
    "transactions": " with the source that holds all rows of these days",
    "labels": " with the source that holds all rows of these days",
    "quarantine": " with the same source",
    "features": ", for an older version with its --snapshot",
    "training_sets": ", with the date, snapshot and features of that version",
}


class DamagedError(OvernightError):
    """Files of the lake are not what was written."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A part whose bytes do not match its name.

    Attributes:
        path: below the table's folder.
        day: its event day.
        expected: the hash in its name.
        found: the hash of its bytes; None when it is missing.
    """

    path: str
    day: str
    expected: str
    found: str | None

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.path} is missing; its hash was {self.expected[:SHOWN]}"
        return (
            f"{self.path} was changed: its hash is {self.found[:SHOWN]}, and "
            f"{self.expected[:SHOWN]} was written"
        )


def remedy_for(table: str, spec: str) -> str:
    """Return a sentence that names the command by which damaged parts are written again."""
    if table == "manifest":
        return f"{BACKUP}. Without one, {FORGET.format(spec=spec)}"
    command = MAKERS.get(table)
    if command is None:
        return f"{BACKUP}; nothing else makes it again."
    if table in REPAIRED:
        command = REPAIR
    message = f'Run "overnight {command.format(spec=spec)}"{GIVEN.get(table, "")}: it writes the '
    return f"{message}same files again. Or restore them from a backup."


def remedy_for_log(table: str, spec: str, folder: str) -> str:
    """Return the remedy for a table whose log is damaged."""
    if table == "manifest":
        return f"{BACKUP}. Without one, {FORGET.format(spec=spec)}"
    command = MAKERS.get(table)
    if command is None:
        return f"{BACKUP}; nothing else makes it again."
    return (
        f"{BACKUP}. Without one, move {folder} away and run "
        f'"overnight {command.format(spec=spec)}": the table begins anew, and what was made from '
        "its versions has to be made again too."
    )


def describe_damage(
    folder: str, damages: Sequence[Damage], versions: Mapping[str, str]
) -> DamagedError:
    """Build an error that names every damaged part of a table.

    Args:
        folder: of the table, `ROOT/SPEC/TABLE`.
        damages: at least one.
        versions: by path, the versions that a part belongs to.
    """
    root, _, table = folder.rpartition("/")
    count = "1 file is" if len(damages) == 1 else f"{len(damages)} files are"
    listed = list_damage(damages, versions, table=table)
    return DamagedError(
        "\n".join(
            [
                f"{count} not what was written to {table} in {root}:",
                *listed,
                remedy_for(table, root.rpartition("/")[2]),
            ]
        )
    )


def list_damage(damages: Sequence[Damage], versions: Mapping[str, str], *, table: str) -> list[str]:
    """List the damaged parts, a line each, with the versions that they belong to."""
    return [
        f"  - {table}@{versions.get(damage.path, 'no version')}: {damage}" for damage in damages
    ]
