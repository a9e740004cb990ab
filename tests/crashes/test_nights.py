"""A night whose process is killed anywhere, and then run again, ends like one that was not."""

import pytest

from pipelines import steps
from tests.crashes.conftest import Places, problems_everywhere
from tests.crashes.state import differences

NIGHTLY = [link.name for link in steps.NIGHTLY]


def test_two_undisturbed_nights_end_alike(nights: Places) -> None:
    first, *others = (place.links["register"].state for place in nights)
    for other in others:
        assert list(differences(first, other)) == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NIGHTLY)
def test_a_step_killed_in_any_gap_between_two_effects_ends_as_if_it_was_not(
    nights: Places, name: str
) -> None:
    assert problems_everywhere(nights, name) == []
