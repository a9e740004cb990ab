"""What people are told of a failure, and through what."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from airflow.sdk import DAG, BaseNotifier

from dags.notifications import describe, notify_failure, notify_late, notify_run_failure
from dags.tasks import StepRefused
from expectations.contract import InputError, ProblemsError
from pipelines.config.installation.notifiers import VARIABLE, read_notifiers

LOG = "http://127.0.0.1:8080/dags/cards_nightly/runs/r/tasks/ingest"


class Kept(BaseNotifier):
    """Somebody else's notifier: it keeps what it was to send."""

    template_fields = ("subject", "text")
    sent: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, subject: str, text: str) -> None:
        super().__init__()
        self.subject, self.text = subject, text

    def notify(self, context: Any) -> None:  # noqa: ARG002 -- Airflow's own signature
        self.sent.append((self.subject, self.text))


class Broken(Kept):
    def notify(self, context: Any) -> None:  # noqa: ARG002 -- the same
        raise ConnectionError("nobody there")


class Task:
    """What a context holds of a task, and what it left for later callbacks."""

    task_id, log_url = "ingest", LOG

    def __init__(self) -> None:
        self.left: dict[str, object] = {}

    def xcom_push(self, key: str, value: object) -> None:
        self.left[key] = value

    def xcom_pull(self, task_ids: str, key: str) -> object:
        return self.left.get(key) if task_ids == self.task_id else None


def context(error: Exception | None, **more: object) -> dict[str, Any]:
    run = SimpleNamespace(run_after=datetime(2025, 4, 1, 2, tzinfo=UTC))
    held = {
        "dag": DAG("cards_nightly", schedule=None),
        "ti": Task(),
        "dag_run": run,
        "params": {"as_of": None},
        **more,
    }
    return held if error is None else {**held, "exception": error}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    Kept.sent.clear()
    arguments = {"subject": "{{ failure.subject }}", "text": "{{ failure.text }}"}
    named = [{"class": f"{__name__}.{kind}", "arguments": arguments} for kind in ("Broken", "Kept")]
    monkeypatch.setenv(VARIABLE, json.dumps(named))
    return Kept.sent


def test_the_message_says_which_spec_step_date_error_log_and_remedy(sent) -> None:
    notify_failure(context(InputError("No file x.parquet. Deliver it.")))
    ((subject, text),) = sent  # the notifier that failed kept no other from telling
    assert subject == "cards_nightly as of 2025-04-01: ingest failed"
    for said in (
        "spec   cards",
        "step   ingest",
        "as of  2025-04-01",
        LOG,
        "Deliver it.",
        "Fix it",
    ):
        assert said in text


def test_a_step_that_ended_in_words_is_told_as_its_failure() -> None:
    mistake = InputError("No file x.parquet. Deliver it.")
    assert describe(context(StepRefused(mistake))) == describe(context(mistake))


def test_the_form_of_a_run_says_the_date() -> None:
    assert describe(context(None, params={"as_of": "2025-03-01"})).as_of == "2025-03-01"


def test_an_error_of_ours_is_named_and_was_tried_again() -> None:
    failure = describe(context(ConnectionError("refused")))
    assert failure.error == "ConnectionError: refused"
    assert "All tries failed" in failure.remedy


def test_a_killed_step_is_told_by_its_run_and_no_step_twice(sent) -> None:
    killed = context(None)
    notify_run_failure(killed)
    assert len(sent) == 1
    assert "killed, out of memory" in sent[0][1]
    notify_failure(killed)
    notify_run_failure(killed)
    assert len(sent) == 2


def test_a_night_that_is_late_is_told_and_a_backfill_is_not(sent) -> None:
    run = {"dag_id": "cards_nightly", "run_after": "2025-04-01T02:00:00Z", "conf": None}
    notify_late({"dag_run": {**run, "run_type": "backfill"}})
    notify_late({"dag_run": {**run, "run_type": "scheduled"}})
    assert [subject for subject, _ in sent] == ["cards_nightly as of 2025-04-01: the night is late"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nobody", "Invalid JSON"),
        ('{"class": "a.B"}', "valid array"),
        ('[{"class": "B"}, {"klass": "a.B"}]', "3 problems"),
    ],
)
def test_everything_wrong_with_the_notifiers_is_said_at_once(text: str, said: str) -> None:
    with pytest.raises(ProblemsError, match=said):
        read_notifiers({VARIABLE: text})


def test_a_wrong_setting_is_said_without_what_it_holds() -> None:
    with pytest.raises(ProblemsError) as caught:
        read_notifiers({VARIABLE: '[{"class": "B", "arguments": "hunter2"}]'})
    assert "hunter2" not in str(caught.value)
