"""Defaults of all DAGs and tasks: retries, timeout, pool, queue, notification of failures.

An error of the user or of the program fails at once; any other is retried with exponential
backoff.
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

from dags.notifications import notify_failure, notify_late, notify_run_failure
from dags.tasks import StepRefused
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
RETRY_POLICY = ExceptionRetryPolicy(
    [
        RetryRule(
            [StepRefused, InputError, OutcomeError], RetryAction.FAIL, reason=NOTHING_CHANGES
        ),
        RetryRule(FAULTS, RetryAction.FAIL, reason=NOTHING_CHANGES, match_subclasses=False),
    ]
)

Kind = Literal["nightly", "deploy", "review"]


def dag_defaults(spec: ModelSpec, kind: Kind) -> dict[str, Any]:
    """Return the arguments that all DAGs of one kind have in common."""
    deadline = spec.schedule.deadline if kind == "nightly" else None
    late = deadline and DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=deadline,
        callback=SyncCallback(notify_late),
    )
    return {
        "dag_id": f"{spec.name}_{kind}",
        "start_date": datetime(2018, 1, 1, tzinfo=UTC),
        "catchup": False,
        # Of scheduled and manual runs; of those of a backfill, RunConcurrency sees to it.
        "max_active_runs": 1,
        "tags": ["overnight", spec.name],
        "default_args": _default_args(spec, kind),
        "on_failure_callback": notify_run_failure,
        **({"deadline": late} if late else {}),
    }


def _default_args(spec: ModelSpec, kind: Kind) -> dict[str, Any]:
    """Return the arguments of every task; nightly tasks share a pool, deployments wait for none."""
    queue = os.environ.get(f"OVERNIGHT_{kind.upper()}_QUEUE")
    return {
        "retries": spec.schedule.retries,
        "retry_delay": spec.schedule.retry_delay,
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": LONGEST_WAIT,
        "retry_policy": RETRY_POLICY,
        "execution_timeout": spec.schedule.timeout,
        "on_failure_callback": notify_failure,
        **({"pool": POOL} if kind == "nightly" else {}),
        **({"queue": queue} if queue else {}),
    }
