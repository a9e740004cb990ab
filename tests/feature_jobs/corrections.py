"""Later versions of a row: corrections, moved event times, withdrawals, re-instatements."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st

from tests.feature_jobs.oracle import Row

HALF_HOUR = timedelta(minutes=30)
CHANGES = ("amount", "entity", "device", "event", "event", "withdrawal", "withdrawal")
OFTEN_ONE = (0, 0, 0, 1, 1, 2, 3)  # later versions of a transaction


@st.composite
def versions_of(
    draw: st.DrawFn, first: Row, *, entities: int, amounts: st.SearchStrategy[float | None]
) -> list[Row]:
    """A first version and what became known of it later, each a while after the one before."""
    versions = [first]
    for _ in range(draw(st.sampled_from(OFTEN_ONE))):
        current = versions[-1]
        known = current.known + draw(st.integers(1, 12)) * HALF_HOUR
        versions[-1] = replace(current, replaced=current.replaced or known)
        later = replace(current, known=known, replaced=None, is_first=False)
        match draw(st.sampled_from(CHANGES)):
            case "amount":
                later = replace(later, amount=draw(amounts))
            case "entity":
                later = replace(later, entity=draw(st.integers(1, entities)))
            case "device":
                later = replace(later, device=draw(st.one_of(st.none(), st.integers(0, 3))))
            case "event":  # as late as the time it is known
                moved = later.event + draw(st.integers(-8, 12)) * HALF_HOUR
                later = replace(later, event=min(moved, known))
            case "withdrawal":
                later = replace(later, replaced=known)
        versions.append(later)
    return versions
