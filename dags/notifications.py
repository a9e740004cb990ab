"""Tells people that a step failed: through the notifiers that the environment names.

In the arguments of a notifier, `{{ failure.subject }}`, `{{ failure.text }}` and
`{{ failure.html }}` stand for what happened.
"""

import html
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dags.tasks import Told
from expectations.contract import InputError, OvernightError, hide_passwords
from pipelines.config import one_line, plain_lines
from pipelines.config.installation import read_notifiers

# Left by a step that told of its failure itself, for the run's own callback.
TOLD = "told"
UNKNOWN = "its process ended without a word: killed, out of memory, or its machine was lost"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """What there is to tell.

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


def tell_failure(context: Mapping[str, Any]) -> None:
    """Tell of a step that failed; Airflow calls it in the step's own process."""
    if tell(describe(context), context):
        context["ti"].xcom_push(key=TOLD, value=True)


def tell_unsaid(context: Mapping[str, Any]) -> None:
    """Tell of a run that failed, unless its step did; Airflow calls it in the DAG processor.

    A process that was killed calls nothing itself.
    """
    ti = context.get("ti")
    try:
        is_told = ti is not None and ti.xcom_pull(task_ids=ti.task_id, key=TOLD)
    except Exception as error:  # noqa: BLE001 -- to be told twice does no harm
        log.warning("Whether it was told is not known: %s", error)
        is_told = False
    if not is_told:
        tell(describe(context), context)


def tell_late(context: Mapping[str, Any]) -> None:
    """Tell of a night that is not done in time; runs of a backfill wait for each other.

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
    tell(failure, context)


def tell(failure: Failure, context: Mapping[str, Any]) -> int:
    """Tell through every notifier; one that fails keeps no other from telling. How many told."""
    from airflow.sdk.module_loading import import_string

    told = 0
    for each in read_notifiers(os.environ):
        try:
            import_string(each.path)(**each.arguments)({**context, "failure": failure})
        except Exception:
            log.exception("%s did not tell of: %s", each.path, failure.subject)
        else:
            told += 1
            log.info("Told through %s: %s", each.path.rpartition(".")[2], failure.subject)
    return told


def describe(context: Mapping[str, Any]) -> Failure:
    """What an Airflow context says of a failure."""
    ti, run = context.get("ti"), context.get("dag_run")
    asked = (context.get("params") or {}).get("as_of")
    since = "unknown" if run is None else f"{run.run_after:%Y-%m-%d}"
    error = context.get("exception")
    if isinstance(error, Told):
        error = error.error
    return Failure(
        dag=context["dag"].dag_id,
        step="a step" if ti is None else ti.task_id,
        as_of=one_line(str(asked or since)),
        error=UNKNOWN if error is None else _message(error),
        remedy=_remedy(error),
        log_url="" if ti is None else str(getattr(ti, "log_url", "") or ""),
    )


def _message(error: object) -> str:
    told = str(error) if isinstance(error, OvernightError) else f"{type(error).__name__}: {error}"
    return hide_passwords(plain_lines(told))


def _remedy(error: object) -> str:
    if isinstance(error, InputError):
        return "It was not tried again. Mend it, then clear the task in Airflow; the run goes on."
    return "All tries failed. When the cause is gone, clear the task in Airflow; the run goes on."
