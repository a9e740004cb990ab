"""`<spec>_deploy`: carries the approved version of every spec to its endpoint."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, task

from pipelines import steps
from pipelines.spec import list_specs, load_spec

for name in list_specs():
    declared = load_spec(name)
    with DAG(
        dag_id=f"{name}_deploy",
        schedule=declared.schedule.deploy,
        start_date=datetime(2018, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        tags=["overnight", name],
        doc_md=f"Deploys the version of `{name}` that has the alias `approved`.",
        default_args={"execution_timeout": timedelta(hours=2)},
    ) as dag:
        task(steps.plan)(name) >> task(steps.deploy)(name)
    globals()[dag.dag_id] = dag
