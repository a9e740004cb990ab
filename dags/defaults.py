"""The terms under which Airflow runs a step: tries, time, pool, queue, who hears of a failure.

What the user has to mend, and what is wrong in the program, fails at once; anything else is tried
again, after longer and longer.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from airflow.sdk import (
    DeadlineAlert,
    DeadlineReference,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
    SyncCallback,
)

from dags.notifications import tell_failure, tell_late, tell_unsaid
from dags.tasks import ToldOnce
from expectations.contract import InputError, OutcomeError
from pipelines.config import ModelSpec

POOL = "overnight"  # made from infra/airflow/pools.json
LONGEST_WAIT = timedelta(minutes=15)
NOTHING_CHANGES = "trying again changes nothing"
# What Python raises where a program is wrong. What a library derives from these may be an outage.
FAULTS = [
    ArithmeticError, AssertionError, AttributeError, ImportError, IndexError, KeyError, LookupError,
    ModuleNotFoundError, NameError, NotImplementedError, OverflowError, RecursionError, TypeError,
    UnboundLocalError, ValueError, ZeroDivisionError,
]  # fmt: skip
TRIES = ExceptionRetryPolicy(
    [
        RetryRule([ToldOnce, InputError, OutcomeError], RetryAction.FAIL, reason=NOTHING_CHANGES),
        RetryRule(FAULTS, RetryAction.FAIL, reason=NOTHING_CHANGES, match_subclasses=False),
    ]
)

Kind = Literal["nightly", "deploy", "review"]


def dag_terms(spec: ModelSpec, kind: Kind) -> dict[str, Any]:
    """Arguments that all DAGs of one kind have in common."""
    deadline = spec.schedule.deadline if kind == "nightly" else None
    late = deadline and DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=deadline,
        callback=SyncCallback(tell_late),
    )
    return {
        "dag_id": f"{spec.name}_{kind}",
        "start_date": datetime(2018, 1, 1, tzinfo=UTC),
        "catchup": False,
        # Of scheduled and manual runs; of those of a backfill, Turn sees to it.
        "max_active_runs": 1,
        "tags": ["overnight", spec.name],
        "default_args": _step_terms(spec, kind),
        "on_failure_callback": tell_unsaid,
        **({"deadline": late} if late else {}),
    }


def _step_terms(spec: ModelSpec, kind: Kind) -> dict[str, Any]:
    """Of every step: nightly ones share a pool, and a deployment waits for none of them."""
    queue = os.environ.get(f"OVERNIGHT_{kind.upper()}_QUEUE")
    return {
        "retries": spec.schedule.retries,
        "retry_delay": spec.schedule.retry_delay,
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": LONGEST_WAIT,
        "retry_policy": TRIES,
        "execution_timeout": spec.schedule.timeout,
        "on_failure_callback": tell_failure,
        **({"pool": POOL} if kind == "nightly" else {}),
        **({"queue": queue} if queue else {}),
    }
