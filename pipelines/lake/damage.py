"""Damage to the lake in words: which file, what of it is wrong, and which command makes it again.

A part's name is the hash of its bytes, so whoever reads one can tell whether they are those that
were written. Nothing that was changed since is trained on, decided about or written on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from expectations.contract import OvernightError

SHOWN = 12
BACKUP = "Restore what is damaged from a backup of the lake"
# The command that writes a table's parts; what has none comes from a backup alone.
MAKERS: Mapping[str, str] = {
    "transactions": "ingest {spec} --as-of AS_OF",
    "labels": "ingest {spec} --as-of AS_OF",
    "quarantine": "ingest {spec} --as-of AS_OF",
    "features": "build-features {spec} --as-of AS_OF",
    "training_sets": "build-training-set {spec} --as-of AS_OF",
    "scores": "score-batch {spec} --day DAY",
}
# What has to be as it was then, so that the same bytes come of it.
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
    """A part that is not what its name says.

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
    """One sentence: which command writes damaged parts of a table again."""
    command = MAKERS.get(table)
    if command is None:
        return f"{BACKUP}; nothing else makes it again."
    told = f'Run "overnight {command.format(spec=spec)}"{GIVEN.get(table, "")}: it writes the '
    return f"{told}same files again. Or restore them from a backup."


def remedy_for_log(table: str, spec: str, folder: str) -> str:
    """The remedy for a table whose log is damaged."""
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
    """An error that names every damaged part of a table.

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
    """A line for each damaged part, with the versions that it belongs to."""
    return [
        f"  - {table}@{versions.get(damage.path, 'no version')}: {damage}" for damage in damages
    ]
