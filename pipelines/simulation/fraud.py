"""Four fraud patterns, each a function from the ledger so far to the ledger with its frauds.

1 compromised terminal: for two weeks half of what passes through a terminal is fraud, at
  everyday amounts; only the terminal's history shows it.
2 leaked card: for a week a third of a customer's purchases are someone else's, three to six
  times as high; the customer's history shows it.
3 card testing: a dozen small amounts within minutes on a web shop, then one large one.
4 device farm: one device buys with the cards of many customers within days.
"""

import numpy as np

from pipelines.simulation.population import CHANNELS, Population
from pipelines.simulation.traffic import DAY_SECONDS, Ledger

COMPROMISED_TERMINAL, LEAKED_CARD, CARD_TESTING, DEVICE_FARM = 1, 2, 3, 4
SKIMMED = 0.5


def add_frauds(
    chance: np.random.Generator, ledger: Ledger, population: Population, *, days: int
) -> Ledger:
    """Apply the four patterns, their number in proportion to days and customers."""
    scale = days * population.customers / 1000
    ledger = _compromise_terminals(chance, ledger, population, count=round(scale * 0.5), days=days)
    ledger = _leak_cards(chance, ledger, population, count=round(scale * 1.6), days=days)
    bursts = [_test_card(chance, population, days=days) for _ in range(round(scale * 0.4))]
    farms = [
        _farm_device(chance, population, device=population.customers + n, days=days)
        for n in range(round(scale * 0.2))
    ]
    return Ledger.join([ledger, *bursts, *farms])


def _compromise_terminals(
    chance: np.random.Generator, ledger: Ledger, population: Population, *, count: int, days: int
) -> Ledger:
    pattern = ledger.pattern.copy()
    for terminal in chance.integers(0, population.terminals, count):
        start = chance.uniform(-7, days) * DAY_SECONDS
        here = (ledger.terminal == terminal) & (ledger.second >= start)
        here &= ledger.second < start + 14 * DAY_SECONDS
        pattern[here & (chance.random(len(ledger)) < SKIMMED)] = COMPROMISED_TERMINAL
    return _replace(ledger, amount=ledger.amount, pattern=pattern)


def _leak_cards(
    chance: np.random.Generator, ledger: Ledger, population: Population, *, count: int, days: int
) -> Ledger:
    amount, pattern = ledger.amount.copy(), ledger.pattern.copy()
    for customer in chance.integers(0, population.customers, count):
        start = chance.uniform(-4, days) * DAY_SECONDS
        here = (ledger.customer == customer) & (ledger.second >= start)
        here &= (ledger.second < start + 7 * DAY_SECONDS) & (pattern == 0)
        here &= chance.random(len(ledger)) < 1 / 3
        amount[here] *= chance.uniform(3, 6, int(here.sum()))
        pattern[here] = LEAKED_CARD
    return _replace(ledger, amount=amount, pattern=pattern)


def _test_card(chance: np.random.Generator, population: Population, *, days: int) -> Ledger:
    tries = int(chance.integers(6, 15))
    customer = int(chance.integers(population.customers))
    start = chance.uniform(0, days - 1) * DAY_SECONDS
    amount = np.append(chance.uniform(0.5, 3.0, tries), chance.uniform(150, 600))
    second = start + np.append(np.sort(chance.uniform(0, 900, tries)), 1800)
    shop = int(chance.choice(np.flatnonzero(population.online)))
    device = population.customers + 1_000_000 + int(chance.integers(1_000_000))
    return _burst(
        second,
        amount,
        customer=[customer] * (tries + 1),
        terminal=shop,
        device=device,
        pattern=CARD_TESTING,
    )


def _farm_device(
    chance: np.random.Generator, population: Population, *, device: int, days: int
) -> Ledger:
    victims = chance.choice(population.customers, size=int(chance.integers(8, 20)), replace=False)
    start = chance.uniform(0, days - 3) * DAY_SECONDS
    second = np.sort(start + chance.uniform(0, 2 * DAY_SECONDS, len(victims)))
    amount = population.mean_amount[victims] * chance.lognormal(0.5, 0.3, len(victims))
    shop = int(chance.choice(np.flatnonzero(population.online)))
    return _burst(
        second,
        amount,
        customer=victims.tolist(),
        terminal=shop,
        device=device,
        pattern=DEVICE_FARM,
    )


def _burst(
    second: np.ndarray,
    amount: np.ndarray,
    *,
    customer: list[int],
    terminal: int,
    device: int,
    pattern: int,
) -> Ledger:
    rows = len(second)
    return Ledger(
        second=second,
        customer=np.array(customer, dtype=np.int64),
        terminal=np.full(rows, terminal, dtype=np.int64),
        device=np.full(rows, device, dtype=np.int64),
        channel=np.full(rows, CHANNELS.index("web"), dtype=np.int64),
        amount=amount,
        pattern=np.full(rows, pattern, dtype=np.int64),
    )


def _replace(ledger: Ledger, *, amount: np.ndarray, pattern: np.ndarray) -> Ledger:
    return Ledger(
        second=ledger.second,
        customer=ledger.customer,
        terminal=ledger.terminal,
        device=ledger.device,
        channel=ledger.channel,
        amount=amount,
        pattern=pattern,
    )
