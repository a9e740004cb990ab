"""Why an alarm of a rehearsal did or did not abort the rollout."""

import pytest

from pipelines.deployment.raised_alarms import RaisedAlarms, describe_alarms

OLD, NEW, ENDPOINT = "cards-aaa-score-shift", "cards-bbb-score-shift", "cards-errors"


@pytest.mark.parametrize(
    ("name", "during", "is_promoted", "is_first", "said"),
    [
        (OLD, (OLD,), True, False, "watches the model that served before"),
        (OLD, (OLD,), False, False, "watches the model that served before"),
        (NEW, (), True, False, "was raised after the rollout had ended"),
        (ENDPOINT, (), True, False, "was raised after the rollout had ended"),
        (NEW, (NEW,), True, False, "was raised during the rollout"),
        (NEW, (NEW,), False, False, "watches this rollout, which did not succeed"),
        (NEW, (NEW,), True, True, "aborted nothing, as nothing served before"),
    ],
)
def test_each_alarm_is_explained(
    name: str, during: tuple[str, ...], is_promoted: bool, is_first: bool, said: str
) -> None:
    first, reason = describe_alarms(
        RaisedAlarms((name,), during, (NEW, ENDPOINT), is_promoted=is_promoted, is_first=is_first)
    )
    assert first == name
    assert reason.startswith(f"{name}: {said}")


def test_no_alarm_is_said_to_be_none() -> None:
    assert list(
        describe_alarms(RaisedAlarms((), (), (NEW,), is_promoted=True, is_first=False))
    ) == ["none raised"]
