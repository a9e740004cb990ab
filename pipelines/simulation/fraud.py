"""Four fraud patterns, each a function from traffic to traffic with the frauds of the pattern.

1 compromised terminal: for two weeks half of what passes through a terminal is fraud, at
  everyday amounts; only the terminal's history shows it.
2 leaked card: for a week a third of a customer's purchases are someone else's, three to six
  times as high; the customer's history shows it.
3 card testing: a dozen small amounts within minutes on a web shop, then one large one.
4 device farm: one device buys with the cards of many customers within days.
"""

import numpy as np

from pipelines.simulation.population import CHANNELS, Population
from pipelines.simulation.traffic import DAY_SECONDS, Traffic

COMPROMISED_TERMINAL, LEAKED_CARD, CARD_TESTING, DEVICE_FARM = 1, 2, 3, 4
SKIMMED = 0.5


def add_frauds(
    chance: np.random.Generator, traffic: Traffic, population: Population, *, days: int
) -> Traffic:
    """Apply the four patterns, their number in proportion to days and customers."""
    scale = days * population.customers / 1000
    traffic = _compromise_terminals(
        chance, traffic, population, count=round(scale * 0.5), days=days
    )
    traffic = _leak_cards(chance, traffic, population, count=round(scale * 1.6), days=days)
    bursts = [_test_card(chance, population, days=days) for _ in range(round(scale * 0.4))]
    farms = [
        _farm_device(chance, population, device=population.customers + n, days=days)
        for n in range(round(scale * 0.2))
    ]
    return Traffic.join([traffic, *bursts, *farms])


def _compromise_terminals(
    chance: np.random.Generator, traffic: Traffic, population: Population, *, count: int, days: int
) -> Traffic:
    pattern = traffic.pattern.copy()
    for terminal in chance.integers(0, population.terminals, count):
        start = chance.uniform(-7, days) * DAY_SECONDS
        here = (traffic.terminal == terminal) & (traffic.second >= start)
        here &= traffic.second < start + 14 * DAY_SECONDS
        pattern[here & (chance.random(len(traffic)) < SKIMMED)] = COMPROMISED_TERMINAL
    return _replace(traffic, amount=traffic.amount, pattern=pattern)


def _leak_cards(
    chance: np.random.Generator, traffic: Traffic, population: Population, *, count: int, days: int
) -> Traffic:
    amount, pattern = traffic.amount.copy(), traffic.pattern.copy()
    for customer in chance.integers(0, population.customers, count):
        start = chance.uniform(-4, days) * DAY_SECONDS
        here = (traffic.customer == customer) & (traffic.second >= start)
        here &= (traffic.second < start + 7 * DAY_SECONDS) & (pattern == 0)
        here &= chance.random(len(traffic)) < 1 / 3
        amount[here] *= chance.uniform(3, 6, int(here.sum()))
        pattern[here] = LEAKED_CARD
    return _replace(traffic, amount=amount, pattern=pattern)


def _test_card(chance: np.random.Generator, population: Population, *, days: int) -> Traffic:
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
) -> Traffic:
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
) -> Traffic:
    rows = len(second)
    return Traffic(
        second=second,
        customer=np.array(customer, dtype=np.int64),
        terminal=np.full(rows, terminal, dtype=np.int64),
        device=np.full(rows, device, dtype=np.int64),
        channel=np.full(rows, CHANNELS.index("web"), dtype=np.int64),
        amount=amount,
        pattern=np.full(rows, pattern, dtype=np.int64),
    )


def _replace(traffic: Traffic, *, amount: np.ndarray, pattern: np.ndarray) -> Traffic:
    return Traffic(
        second=traffic.second,
        customer=traffic.customer,
        terminal=traffic.terminal,
        device=traffic.device,
        channel=traffic.channel,
        amount=amount,
        pattern=pattern,
    )
