"""`python -m infra.costs 1 100 10000`: a month by millions of transactions a year."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path

from expectations.contract import OvernightError, refuse_any
from expectations.contract.toml_file import read_toml
from infra.costs.estimate import MILLION, Plan, Use, estimate, instances, memory_gib, night_hours

WHOLE = 10.0  # from here on digits behind the point tell nothing
PRICES = Path(__file__).with_name("prices.toml")


def read_prices(path: Path) -> dict[str, float]:
    """Prices by key.

    Raises:
        ProblemsError: naming every key that is missing, unknown or no price.
    """
    given = read_toml(path)
    known = {use.price for use in estimate(Plan(MILLION))}
    problems = [f"{key}: is missing; give US dollars" for key in sorted(known - {*given})]
    problems += [f"{key}: is not a price of ours" for key in sorted({*given} - known)]
    for key in sorted(known & {*given}):
        value = given[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < inf:
            problems.append(f"{key}: got {value!r}; give US dollars, 0 or more")
    refuse_any(str(path), problems)
    return {key: float(value) for key, value in given.items()}


def describe(plans: Sequence[Plan], prices: Mapping[str, float]) -> str:
    """A table in Markdown, one column for each plan."""
    volumes = [f"{plan.transactions / MILLION:,.0f} M a year" for plan in plans]
    lines = [_row("a month of", volumes), "|---|" + "--:|" * len(plans)]
    months = [estimate(plan) for plan in plans]
    for uses in zip(*months, strict=True):
        driver, unit = uses[0].driver, uses[0].unit
        name = driver if driver == unit else f"{driver}, {unit}"
        lines.append(_row(name, [_cell(use, prices) for use in uses]))
    sums = [sum(use.quantity * prices[use.price] for use in month) for month in months]
    rows = [f"{plan.training_rows / MILLION:,.2f}" for plan in plans]
    lines += [
        _row("**together**", [f"**${dollars:,.0f}**" for dollars in sums]),
        _row("rows of a training set, million", rows),
        _row("memory of the training worker, GiB", [f"{memory_gib(p):,.1f}" for p in plans]),
        _row("hours of tuning and training a night", [f"{night_hours(p):,.1f}" for p in plans]),
        _row("instances of the endpoint", [str(instances(p)) for p in plans]),
    ]
    return "\n".join(lines)


def _row(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def _cell(use: Use, prices: Mapping[str, float]) -> str:
    return f"{_short(use.quantity)} · ${_short(use.quantity * prices[use.price])}"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= WHOLE else f"{number:.1f}"


def main() -> int:
    """Print the table of the wanted volumes."""
    parser = argparse.ArgumentParser(prog="python -m infra.costs", description=__doc__)
    parser.add_argument("millions", nargs="*", type=float, default=[1, 100, 10_000])
    parser.add_argument("--prices", type=Path, default=PRICES)
    options = parser.parse_args()
    try:
        prices = read_prices(options.prices)
    except (OSError, OvernightError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    plans = [Plan(millions * MILLION) for millions in options.millions]
    sys.stdout.write(describe(plans, prices) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
