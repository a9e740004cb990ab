"""Numbers as people read them."""

from collections.abc import Callable, Mapping

from training.evaluation import METRICS, Estimate, Unit

MINUS = "\N{MINUS SIGN}"
WHOLE_FROM = 1_000


def money(value: float) -> str:
    """In the currency of the amounts; from 1,000 on without cents.

    >>> money(1234.4), money(3.5)
    ('1,234', '3.50')
    """
    return _minus(f"{value:,.0f}" if abs(value) >= WHOLE_FROM else f"{value:,.2f}")


def count(value: float) -> str:
    """Rows, frauds.

    >>> count(12_345)
    '12,345'
    """
    return f"{value:,.0f}"


def rate(value: float) -> str:
    """Events a day.

    >>> rate(3), rate(1234.56)
    ('3.0', '1,234.6')
    """
    return _minus(f"{value:,.1f}")


def metric(value: float) -> str:
    """Of a ranking.

    >>> metric(0.75584)
    '0.756'
    """
    return _minus(f"{value:.3f}")


def share(value: float, *, digits: int = 1) -> str:
    """As a percentage.

    >>> share(0.1234)
    '12.3 %'
    """
    return _minus(f"{100 * value:.{digits}f} %")


def signed(text: str) -> str:
    """With a plus before what has no minus.

    >>> signed(money(2)), signed(money(-2)) == money(-2)
    ('+2.00', True)
    """
    return text if text.startswith(MINUS) else f"+{text}"


UNITS: Mapping[Unit, Callable[[float], str]] = {
    "count": count,
    "count_a_day": rate,
    "money": money,
    "score": metric,
    "share": share,
}
STYLES = {each.name: UNITS[each.unit] for each in METRICS}


def limits(name: str, estimate: Estimate) -> str:
    """Return the interval of a figure; empty where there is none.

    >>> limits("auc", Estimate(0.9, 0.85, 0.95))
    '0.850 to 0.950'
    """
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{STYLES[name](estimate.low)} to {STYLES[name](estimate.high)}"


def signed_limits(name: str, estimate: Estimate) -> str:
    """Return the same of a difference."""
    if estimate.low is None or estimate.high is None:
        return ""
    low, high = (signed(STYLES[name](each)) for each in (estimate.low, estimate.high))
    return f"{low} to {high}"


def _minus(text: str) -> str:
    return text.replace("-", MINUS)
