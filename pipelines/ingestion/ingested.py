"""The result of ingesting a delivery, and its summary for people."""

from dataclasses import dataclass

from pipelines.config import TableVersion


@dataclass(frozen=True, slots=True)
class Ingested:
    """The result of ingesting a delivery; `read == kept + quarantined`.

    Attributes:
        rules: number of rows that broke each rule, fraud reports included.
        warned: number of rows that broke each rule that only warns.
        corrected: kept rows that replace an earlier version.
        outdated: kept rows of which the lake has a version that became known later.
        late: kept rows that are known from their arrival on, as a night was computed without them.
    """

    transactions: TableVersion
    labels: TableVersion
    read: int
    kept: int
    quarantined: int
    rules: dict[str, int]
    warned: dict[str, int]
    corrected: int
    outdated: int
    late: int = 0

    def summary(self) -> str:
        """Summarise the result in one line."""
        rules = "".join(f", {rule}: {count:,}" for rule, count in self.rules.items())
        warned = "".join(f"; warning, {rule}: {count:,}" for rule, count in self.warned.items())
        again = f"; {self.corrected:,} replace an earlier version" if self.corrected else ""
        if self.outdated:
            again += f"; of {self.outdated:,} a later version is filed already"
        if self.late:
            again += (
                f"; {self.late:,} happened before the date of an earlier night and are known from "
                "their arrival on (to have them known when they happened: overnight restate)"
            )
        return (
            f"Ingested {self.transactions} and {self.labels}: {self.read:,} rows read, "
            f"{self.kept:,} kept, {self.quarantined:,} quarantined{rules}{again}{warned}"
        )
