"""Customers, terminals and devices: which customer uses which terminals, and its behaviour."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CHANNELS = ("app", "pos", "web")
ONLINE_SHARE = 0.3
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Population:
    """Parallel arrays, one element a customer or a terminal.

    Attributes:
        mean_amount: per customer, the middle of the amounts, in currency units.
        spread: per customer, the standard deviation of the logarithm of the amount.
        per_day: per customer, the expected number of transactions a day.
        peak_hour: per customer, the hour around which they buy, 0 to 24.
        nearby: customers x 12, the terminals that a customer uses.
        device: per customer, the device they own.
        online: per terminal, True for a web shop.
    """

    mean_amount: Floats
    spread: Floats
    per_day: Floats
    peak_hour: Floats
    nearby: Integers
    device: Integers
    online: npt.NDArray[np.bool_]

    @property
    def customers(self) -> int:
        """Number of customers."""
        return len(self.per_day)

    @property
    def terminals(self) -> int:
        """Number of terminals."""
        return len(self.online)


def build_population(
    chance: np.random.Generator, *, customers: int, terminals: int, per_day: float
) -> Population:
    """Draw a population.

    Args:
        chance: the only source of chance.
        customers: number of customers, each with a device of their own.
        terminals: number of terminals; use follows Zipf's law, so some are busy.
        per_day: mean number of transactions a customer makes a day.
    """
    popularity = 1.0 / np.arange(1, terminals + 1) ** 0.6
    popularity /= popularity.sum()
    return Population(
        mean_amount=chance.lognormal(3.4, 0.7, customers),
        spread=chance.uniform(0.3, 0.8, customers),
        per_day=chance.gamma(4.0, per_day / 4.0, customers),
        peak_hour=chance.normal(14.0, 3.0, customers) % 24,
        nearby=chance.choice(terminals, size=(customers, 12), p=popularity),
        device=np.arange(customers, dtype=np.int64),
        online=chance.random(terminals) < ONLINE_SHARE,
    )
