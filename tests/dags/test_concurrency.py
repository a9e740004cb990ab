"""Which run of a DAG goes first, for every pair of states that two runs can be in."""

import pytest

from dags.concurrency import find_before

SCHEDULED, MANUAL = "scheduled__2025-04-02T02:00:00+00:00", "manual__2025-04-01T09:12:44+00:00"
FIRST, SECOND = "backfill__2025-03-01T02:00:00+00:00", "backfill__2025-03-02T02:00:00+00:00"


def before(run: str, **others: tuple[str | None, str | None]) -> str:
    """Who goes before a run; the others by name, each with its turn's state and its last step's."""
    names = {"scheduled": SCHEDULED, "manual": MANUAL, "first": FIRST, "second": SECOND}
    states = {names[key]: {"turn": turn, "register": last} for key, (turn, last) in others.items()}
    states[run] = {"turn": "running", "register": None}
    kind = run.partition("__")[0]
    return find_before(states, run, kind=kind, first="turn", last="register")


@pytest.mark.parametrize("last", [None, "scheduled", "queued", "running", "up_for_retry"])
def test_a_run_at_work_is_waited_for(last: str | None) -> None:
    assert before(MANUAL, first=("success", last)) == FIRST
    assert before(FIRST, scheduled=("success", last)) == SCHEDULED


@pytest.mark.parametrize("last", ["success", "failed", "skipped", "upstream_failed", "removed"])
def test_a_run_that_is_over_is_not(last: str) -> None:
    assert before(MANUAL, first=("success", last), second=("failed", "upstream_failed")) == ""


def test_of_waiting_runs_the_night_goes_before_a_backfill_and_that_by_date() -> None:
    waiting = ("up_for_reschedule", None)
    assert before(FIRST, scheduled=waiting) == SCHEDULED
    assert before(SCHEDULED, first=waiting) == ""
    assert before(SECOND, first=waiting) == FIRST
    assert before(FIRST, second=waiting) == ""


def test_a_run_that_has_not_begun_is_not_waited_for() -> None:
    # A backfill that goes backwards holds its first date back until the others are done.
    assert before(SECOND, first=(None, None)) == ""


def test_runs_from_before_there_were_turns_hold_nobody_up() -> None:
    states = {SCHEDULED: {"register": None}, MANUAL: {"turn": "running", "register": None}}
    assert find_before(states, MANUAL, kind="manual", first="turn", last="register") == ""


def test_tonight_goes_before_nights_that_are_made_again() -> None:
    # A scheduled run that a backfill makes again keeps its name, and becomes one of the backfill.
    again = "scheduled__2025-03-02T02:00:00+00:00"
    waiting = {"turn": "up_for_reschedule", "register": None}
    asking = {"turn": "running", "register": None}
    states = {again: waiting, SCHEDULED: asking}
    assert find_before(states, SCHEDULED, kind="scheduled", first="turn", last="register") == ""
    at_work = states | {again: {"turn": "success", "register": "running"}}
    found = find_before(at_work, SCHEDULED, kind="scheduled", first="turn", last="register")
    assert found == again
