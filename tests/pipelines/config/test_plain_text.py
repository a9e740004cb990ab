"""Texts that people give: refused when they steer a screen; those of others shown in one line."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from expectations.contract import ProblemsError
from pipelines import steps
from pipelines.config.plain_text import one_line, refuse_unplain
from pipelines.governance.decision_log import DecisionLog, describe
from pipelines.review.requests import find_requests
from tests.pipelines.governance.records import NOON, entry

# C0, DEL, C1, a line and a paragraph separator, two marks of direction, a byte that is no UTF-8.
STEERING = ["\n", "\r", "\x00", "\x1b", "\x7f", "\x9b", "\u2028", "\u2029", "\u202e", "\u2066",
            "\udc80", "\ufeff"]  # fmt: skip
FORGED = (
    "x\x1b]0;p\x07\n   9  2026-01-01 00:00:00  promotion    version 99   night (MLflow): forged"
)


@pytest.mark.parametrize("character", STEERING)
def test_a_text_that_steers_a_screen_is_refused_and_says_where(character: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        refuse_unplain({"because": f"ab{character}c", "by": f"{character}", "other": "fine"})
    first, second = caught.value.problems
    shown = character.encode("unicode_escape", "surrogatepass").decode()
    assert first == (
        f"because: holds the character {shown} at 3; write it in one line of letters, digits, "
        "signs and spaces"
    )
    assert second.startswith(f"by: holds the character {shown} at 1;")


@pytest.mark.parametrize(
    "text",
    ["", "too many alerts at night", "ça va — “oui”", "\u00ab\u00a0non\u00a0\u00bb", "好的",
     "सही", "👍🏽", "می‌خواهم", 'quoted "x" & <b>', "a\\nb"],
)  # fmt: skip
def test_what_people_write_is_taken_as_it_is(text: str) -> None:
    refuse_unplain({"because": text})
    assert one_line(text) == text


def test_a_reason_has_a_length() -> None:
    refuse_unplain({"because": "x" * 1_000, "by": "x" * 200, "form": "{\n\t}\r\n"})
    with pytest.raises(ProblemsError, match="because: is 1,001 characters long, and 1,000 are"):
        refuse_unplain({"because": "x" * 1_001})


@pytest.mark.parametrize(
    "ask",
    [
        lambda: steps.approve("demo", "1", because=FORGED),
        lambda: steps.approve("demo", "1", "fine", override=FORGED),
        lambda: steps.reject("demo", "1", FORGED),
        lambda: steps.rollback("demo", FORGED),
        lambda: steps.split("demo", "1", FORGED),
        lambda: steps.answer("demo", "models:/demo/1", "approve", FORGED, "rita"),
        lambda: steps.answer("demo", "models:/demo/1", "later", "fine", FORGED),
        lambda: steps.train("demo", "2025-01-01", "training_sets@v1", "studies:/x", FORGED),
        lambda: steps.review("demo", FORGED),
        lambda: steps.status(FORGED),
        lambda: steps.configure("demo", json.dumps({"overrides": f"training.seed={FORGED}"})),
        lambda: steps.configure("demo", json.dumps({"add_features": "# \u202e"})),
    ],
)
@pytest.mark.usefixtures("home")
def test_every_step_refuses_it_before_anything_else(ask: Callable[[], str]) -> None:
    with pytest.raises(ProblemsError, match="holds the character"):
        ask()


def test_a_record_of_before_is_shown_in_one_line() -> None:
    record = replace(entry("approval", 1), number=1, reason=FORGED, actor=f"{FORGED} (MLflow)")
    shown = describe(DecisionLog((record,), at=None))
    assert len(shown.splitlines()) == 2
    assert shown.isprintable() or set(filter(lambda c: not c.isprintable(), shown)) == {"\n"}
    assert r"x\x1b]0;p\x07\n   9  2026" in shown
    assert record.time == NOON


class Noted:
    """The tags of a registered model, as MLflow gives them."""

    def __init__(self, **wishes: object) -> None:
        self._tags = {f"overnight.asked.{n[1:]}": json.dumps(text) for n, text in wishes.items()}

    def model_tags(self) -> dict[str, str]:
        return self._tags


def test_a_review_request_with_such_a_text_does_not_count() -> None:
    good = {"choice": "reject", "because": "too many alerts"}
    found = find_requests(
        Noted(v1=good, v2={**good, "because": FORGED}, v3={**good, "override": "x" * 1_001}, v4=[])  # type: ignore[arg-type]  # only its tags are read
    )
    assert list(found) == [1]


@pytest.mark.usefixtures("home")
def test_the_command_line_writes_no_escape_sequence(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.cli import app as command

    monkeypatch.setattr("sys.argv", ["overnight", "approve", "demo\x1b[2K", "1", "--because", "x"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    assert "\x1b[2K" not in capfd.readouterr().err
