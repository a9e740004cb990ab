"""Signals to a process that waits for something elsewhere."""

import os
import signal
from collections.abc import Iterator

import pytest

from expectations.contract import OvernightError
from infra.emr.interruption import stopping


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """What a handler like Airflow's hears, which lets the process go on."""
    heard: list[str] = []
    former = signal.signal(signal.SIGTERM, lambda *_: heard.append("on_kill"))
    yield heard
    signal.signal(signal.SIGTERM, former)


def unreachable() -> None:
    raise OvernightError("AWS does not answer.")


def test_a_signal_is_handed_on_where_nothing_can_be_stopped(heard: list[str]) -> None:
    with pytest.raises(OvernightError, match="Stopped by SIGTERM"), stopping(unreachable):
        signal.raise_signal(signal.SIGTERM)
    assert heard == ["on_kill"]


def test_ctrl_c_stays_ctrl_c_where_nothing_can_be_stopped(heard: list[str]) -> None:
    with pytest.raises(KeyboardInterrupt), stopping(unreachable):
        raise KeyboardInterrupt
    os.kill(os.getpid(), signal.SIGTERM)
    assert heard == ["on_kill"]


def test_without_a_signal_nothing_is_stopped_and_the_handling_is_the_former(
    heard: list[str],
) -> None:
    with stopping(unreachable):
        pass
    with pytest.raises(ValueError, match="of the block"), stopping(unreachable):
        raise ValueError("of the block")
    os.kill(os.getpid(), signal.SIGTERM)
    assert heard == ["on_kill"]
