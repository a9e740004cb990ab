"""An approval, a deployment or a rollback that is killed anywhere, and run again, is done once."""

import socket

import pytest

from tests.crashes.chains import told, with_environment
from tests.crashes.conftest import Places, problems_everywhere

# Backwards: before each, the account is made again what it was, and that goes one way only.
STEPS = ("rollback", "update", "create", "approve")


def test_a_sagemaker_that_is_down_is_told(promotions: Places) -> None:
    place = promotions[0]
    with socket.create_server(("127.0.0.1", 0)) as probe:
        nowhere = f"http://127.0.0.1:{probe.getsockname()[1]}"
    job = with_environment(place.links["update"].job, AWS_ENDPOINT_URL_SAGEMAKER=nowhere)
    ended = told(place, "update", job)
    assert ended.error.startswith("UnreachableError: Reading the endpoint crash failed")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", STEPS)
def test_what_is_killed_in_any_gap_between_two_effects_ends_as_if_it_was_not(
    promotions: Places, name: str
) -> None:
    assert problems_everywhere(promotions, name) == []
