"""Why an alarm of a rehearsal did or did not turn the rollout back."""

import pytest

from pipelines.deployment.raised_alarms import Rung, describe_alarms

OLD, NEW, ENDPOINT = "cards-aaa-score-shift", "cards-bbb-score-shift", "cards-errors"


@pytest.mark.parametrize(
    ("name", "during", "is_promoted", "is_first", "said"),
    [
        (OLD, (OLD,), True, False, "watches the model that served before"),
        (OLD, (OLD,), False, False, "watches the model that served before"),
        (NEW, (), True, False, "rang when the rollout had ended"),
        (ENDPOINT, (), True, False, "rang when the rollout had ended"),
        (NEW, (NEW,), True, False, "rang while the rollout went on"),
        (NEW, (NEW,), False, False, "watches this rollout, which did not go through"),
        (NEW, (NEW,), True, True, "turned nothing back, as nothing served before"),
    ],
)
def test_each_alarm_is_explained(
    name: str, during: tuple[str, ...], is_promoted: bool, is_first: bool, said: str
) -> None:
    first, reason = describe_alarms(
        Rung((name,), during, (NEW, ENDPOINT), is_promoted=is_promoted, is_first=is_first)
    )
    assert first == name
    assert reason.startswith(f"{name}: {said}")


def test_no_alarm_is_said_to_be_none() -> None:
    assert list(describe_alarms(Rung((), (), (NEW,), is_promoted=True, is_first=False))) == [
        "none rang"
    ]
