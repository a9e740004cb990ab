"""Run concurrency: the nights of one spec run one after another, however they were started.

Airflow counts the runs of a backfill apart from the scheduled and the manual ones, so
`max_active_runs` lets one of each write to the same tables. Of the task made here only one runs at
a time, and it lets a run go on only when no other that went on is unfinished.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow.sdk import BaseSensorOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

POLL_SECONDS = 15.0
OVER = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
# Of a run that waits too. One whose task has no state yet has not begun, and is not waited for.
WAITING = frozenset({"scheduled", "queued", "up_for_reschedule", "up_for_retry"})

States = Mapping[str, Mapping[str, str | None]]


class RunConcurrency(BaseSensorOperator):
    """Sensor that waits for the other runs of its DAG.

    Args:
        last: the task whose end is the end of a run.
        arguments: of any task.
    """

    def __init__(self, *, last: str, **arguments: object) -> None:
        super().__init__(
            mode="reschedule",
            poke_interval=POLL_SECONDS,
            max_active_tis_per_dag=1,
            pool="default_pool",
            **arguments,
        )
        self.last = last

    def poke(self, context: "Context") -> bool:
        """Return True if no other run has to go before this one."""
        ti = context["ti"]
        states = ti.get_task_states(dag_id=ti.dag_id, task_ids=[ti.task_id, self.last])
        kind = context["dag_run"].run_type
        before = find_before(states, ti.run_id, kind=kind, first=ti.task_id, last=self.last)
        if before:
            self.log.info("%s goes first", before)
        return not before


def find_before(states: States, run: str, *, kind: str, first: str, last: str) -> str:
    """Return the run that another run has to wait for; empty when there is none.

    A scheduled or a manual run goes before those of a backfill, which go in order of their dates.
    Of the former Airflow lets one begin at a time, so what waits beside it is of a backfill, also
    where it is named as scheduled: a run that is made again keeps its name.

    Args:
        states: run to the states of its first and its last task.
        run: the run that would start.
        kind: its type in Airflow: `backfill`, `scheduled`, `manual`.
        first: id of the first task, the sensor.
        last: id of the last task.
    """
    others = {name: tasks for name, tasks in states.items() if name != run and first in tasks}
    for name, tasks in others.items():
        if tasks[first] == "success" and tasks.get(last) not in OVER:
            return name
    if kind != "backfill":
        return ""
    waiting = [name for name, tasks in others.items() if tasks[first] in WAITING]
    next_run = min([*waiting, run], key=_rank)
    return "" if next_run == run else next_run


def _rank(run: str) -> tuple[bool, str]:
    return run.startswith("backfill__"), run
