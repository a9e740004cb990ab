"""Notifications of failed steps, through the notifiers that the environment names.

In the arguments of a notifier, `{{ failure.subject }}`, `{{ failure.text }}` and
`{{ failure.html }}` stand for what happened.
"""

import html
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dags.tasks import StepFailed
from expectations.contract import InputError, OvernightError, hide_passwords
from pipelines.config import one_line, plain_lines
from pipelines.config.installation import read_notifiers

# Key of the XCom that a notified step leaves for the callback of the run.
NOTIFIED = "told"
UNKNOWN = "its process ended without a message: killed, out of memory, or its machine was lost"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure as notifications describe it.

    Attributes:
        step: name of the task; or the night as a whole.
        as_of: knowledge time of the run.
        error: the message.
        remedy: what to do next.
        log_url: where the task's log is shown; empty where there is none.
        end: `failed`, or `is late`.
    """

    dag: str
    step: str
    as_of: str
    error: str
    remedy: str
    log_url: str
    end: str = "failed"

    @property
    def spec(self) -> str:
        """Name of the spec: a DAG is called after it."""
        return self.dag.rpartition("_")[0]

    @property
    def subject(self) -> str:
        """One line."""
        return f"{self.dag} as of {self.as_of}: {self.step} {self.end}"

    @property
    def text(self) -> str:
        """Everything."""
        return (
            f"{self.subject}\n\nspec   {self.spec}\nstep   {self.step}\nas of  {self.as_of}\n"
            f"log    {self.log_url}\n\n{self.error}\n\n{self.remedy}\n"
        )

    @property
    def html(self) -> str:
        """The same for a mail."""
        return f"<pre>{html.escape(self.text)}</pre>"


def notify_failure(context: Mapping[str, Any]) -> None:
    """Notify of a failed step; Airflow calls it in the process of the step."""
    if notify(describe(context), context):
        context["ti"].xcom_push(key=NOTIFIED, value=True)


def notify_run_failure(context: Mapping[str, Any]) -> None:
    """Notify of a failed run, unless its step did; Airflow calls it in the DAG processor.

    The process of a step that was killed calls nothing.
    """
    ti = context.get("ti")
    try:
        is_notified = ti is not None and ti.xcom_pull(task_ids=ti.task_id, key=NOTIFIED)
    except Exception as error:  # noqa: BLE001 -- two notifications do no harm
        log.warning("The mark of a notification was not read: %s", error)
        is_notified = False
    if not is_notified:
        notify(describe(context), context)


def notify_late(context: Mapping[str, Any]) -> None:
    """Notify of a night that misses its deadline; a backfill has none, its runs are queued.

    Args:
        context: what Airflow gives for a missed deadline: the run as its interface shows it.
    """
    run = context["dag_run"]
    if run["run_type"] == "backfill":
        return
    since = str(run["run_after"])[:10]
    failure = Failure(
        dag=run["dag_id"],
        step="the night",
        end="is late",
        as_of=one_line(str((run["conf"] or {}).get("as_of") or since)),
        error="It is not done in the time of [schedule] deadline.",
        remedy="It goes on. Look at its steps in Airflow, and at the log of the one that runs.",
        log_url="",
    )
    notify(failure, context)


def notify(failure: Failure, context: Mapping[str, Any]) -> int:
    """Notify through every notifier, also when one fails; return the number that succeeded."""
    from airflow.sdk.module_loading import import_string

    notified = 0
    for each in read_notifiers(os.environ):
        try:
            import_string(each.path)(**each.arguments)({**context, "failure": failure})
        except Exception:
            log.exception("%s failed for: %s", each.path, failure.subject)
        else:
            notified += 1
            log.info("Notified through %s: %s", each.path.rpartition(".")[2], failure.subject)
    return notified


def describe(context: Mapping[str, Any]) -> Failure:
    """Build a failure from an Airflow context."""
    ti, run = context.get("ti"), context.get("dag_run")
    requested = (context.get("params") or {}).get("as_of")
    since = "unknown" if run is None else f"{run.run_after:%Y-%m-%d}"
    error = context.get("exception")
    if isinstance(error, StepFailed):
        error = error.error
    return Failure(
        dag=context["dag"].dag_id,
        step="a step" if ti is None else ti.task_id,
        as_of=one_line(str(requested or since)),
        error=UNKNOWN if error is None else _message(error),
        remedy=_remedy(error),
        log_url="" if ti is None else str(getattr(ti, "log_url", "") or ""),
    )


def _message(error: object) -> str:
    message = (
        str(error) if isinstance(error, OvernightError) else f"{type(error).__name__}: {error}"
    )
    return hide_passwords(plain_lines(message))


def _remedy(error: object) -> str:
    if isinstance(error, InputError):
        return "It was not tried again. Fix it, then clear the task in Airflow; the run goes on."
    return "All tries failed. When the cause is gone, clear the task in Airflow; the run goes on."
