"""`<spec>_deploy`: carries the approved version of every spec to its endpoint."""

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, Param

from dags.assets import approval_asset
from dags.defaults import dag_defaults
from dags.tasks import step_task
from pipelines import steps
from pipelines.config import load_catalogue

for name, declared in load_catalogue().specs.items():
    approved = approval_asset(name)
    window = declared.schedule.deploy
    with DAG(
        **dag_defaults(declared, "deploy"),
        # When a reviewer moves the alias `approved`; and at the change window, if there is one.
        schedule=[approved]
        if window is None
        else AssetOrTimeSchedule(
            timetable=CronTriggerTimetable(window, timezone="UTC"), assets=[approved]
        ),
        is_paused_upon_creation=False,
        params={
            "dry_run": Param(
                default=False,
                type="boolean",
                title="Dry run",
                description="Show the plan and change nothing",
            )
        },
        doc_md=f"Deploys the version of `{name}` that has the alias `approved`.",
    ) as dag:
        # One version is carried through, however many moves of the alias started the run.
        version = step_task(steps.reconcile)(name)
        planned = step_task(steps.plan)(name, version)
        deployed = step_task(steps.roll_out)(name, version, "{{ params.dry_run }}")
        planned >> deployed
        outcome = step_task(steps.verify)(name, deployed)
        step_task(steps.finalise)(name, deployed, outcome)
    globals()[dag.dag_id] = dag
