"""Transactions as parallel arrays, and the legitimate part of the traffic."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from pipelines.simulation.population import CHANNELS, Floats, Integers, Population

DAY_SECONDS = 86_400
APP_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Traffic:
    """Transactions, one element each, in no order.

    Attributes:
        second: seconds since the first day's start, with a fraction.
        channel: index into `CHANNELS`.
        pattern: 0 for legitimate, else the number of the fraud pattern.
    """

    second: Floats
    customer: Integers
    terminal: Integers
    device: Integers
    channel: Integers
    amount: Floats
    pattern: Integers

    def __len__(self) -> int:
        return len(self.second)

    def take(self, chosen: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Traffic":
        """Return the chosen transactions, by position or by mask."""
        return Traffic(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})

    @classmethod
    def join(cls, parts: list["Traffic"]) -> "Traffic":
        """Concatenate the transactions of several parts."""
        return cls(
            **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)}
        )


def build_honest_traffic(
    chance: np.random.Generator, population: Population, *, days: int
) -> Traffic:
    """Draw legitimate transactions: Poisson counts, a daily rhythm, amounts by customer."""
    counts = chance.poisson(population.per_day * days)
    customer = np.repeat(np.arange(population.customers, dtype=np.int64), counts)
    rows = len(customer)
    hour = chance.normal(population.peak_hour[customer], 3.5) % 24
    day = chance.integers(0, days, rows)
    terminal = population.nearby[customer, chance.integers(0, 12, rows)]
    web = population.online[terminal]
    channel = np.where(web, CHANNELS.index("web"), CHANNELS.index("pos"))
    channel = np.where(web & (chance.random(rows) < APP_SHARE), CHANNELS.index("app"), channel)
    amount = population.mean_amount[customer] * chance.lognormal(0.0, population.spread[customer])
    return Traffic(
        second=day * DAY_SECONDS + hour * 3600.0,
        customer=customer,
        terminal=terminal,
        device=population.device[customer],
        channel=channel.astype(np.int64),
        amount=amount,
        pattern=np.zeros(rows, dtype=np.int64),
    )
