"""The knowledge time, and the snapshot of the lake that a run is pinned to."""

from dataclasses import dataclass
from datetime import UTC, datetime

from expectations.contract import InputError
from pipelines.lake.tables import TableVersion


def parse_as_of(text: str) -> datetime:
    """Read a date or a time as an instant, UTC.

    Raises:
        InputError: when it is neither.

    >>> parse_as_of("2018-08-08").isoformat()
    '2018-08-08T00:00:00+00:00'
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"as_of {text!r} is not a date; write it as 2018-08-08 or 2018-08-08T06:00:00."
        ) from error
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Pinned versions of both tables that a delivery writes, `transactions@v3+labels@v3`."""

    transactions: TableVersion
    labels: TableVersion

    def __str__(self) -> str:
        return f"{self.transactions}+{self.labels}"

    @classmethod
    def parse(cls, reference: str) -> "Snapshot":
        """Read `transactions@v3+labels@v3`.

        Raises:
            InputError: when the reference has another form.
        """
        first, plus, second = reference.partition("+")
        if not plus:
            raise InputError(
                f"{reference!r} is not a snapshot; write it as transactions@v3+labels@v3."
            )
        return cls(TableVersion.parse(first), TableVersion.parse(second))
