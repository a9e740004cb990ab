"""Result of the first of two stages: features that conditions read, and where they stand.

They are computed once for each transaction, of its first version. Later versions of the rows are
read from the transactions beside these parts, and get the features of their first versions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from feature_jobs.io import DataFile
from feature_jobs.stages import Day, Input


@dataclass(frozen=True, slots=True)
class EarlierStage:
    """Result of the first of two stages.

    Attributes:
        names: the features that it made.
        parts: for each day of the stage its part, or none where it has no first versions.
        later: for days that have later versions beside them, the files of the transactions.
    """

    names: tuple[str, ...] = ()
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    later: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, days: Sequence[Day], parts: Sequence[DataFile], *, folder: str, names: Sequence[str]
    ) -> "EarlierStage":
        """Say which of the stage's days have later versions: more rows than their part has."""
        made = {part.day: part for part in parts}
        rows = {day: part.rows for day, part in made.items()}
        stage = [day for day in days if day.is_wanted]
        return cls(
            names=tuple(names),
            parts={
                day.day: (f"{folder}/{made[day.day].path}",) if day.day in made else ()
                for day in stage
            },
            later={day.day: day.files for day in stage if day.rows > rows.get(day.day, 0)},
        )

    def input_of(self, tasks: Sequence[Sequence[Day]]) -> Input:
        """List the files of each task."""
        rows = [[file for day in task for file in day.files] for task in tasks]
        if not self.later:
            return Input(rows)
        later, firsts = (
            [[file for day in task for file in of.get(day.day, ())] for task in tasks]
            for of in (self.later, self.parts)
        )
        return Input(rows, later, firsts, self.names)
