"""An approval, a deployment or a rollback that is killed anywhere, and run again, is done once."""

import pytest

from tests.crashes.conftest import Places, problems_everywhere

STEPS = ("approve", "create", "update", "rollback")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", STEPS)
def test_what_is_killed_in_any_gap_between_two_effects_ends_as_if_it_was_not(
    promotions: Places, name: str
) -> None:
    assert problems_everywhere(promotions, name) == []
