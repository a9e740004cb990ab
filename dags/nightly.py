"""`<spec>_nightly`: the nightly chain of every spec, from its source to a registered challenger."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import DAG, Param

from dags.assets import candidate_asset
from dags.concurrency import RunConcurrency
from dags.defaults import dag_defaults
from dags.tasks import step_task
from pipelines import steps
from pipelines.config import ModelSpec, find_spec, load_catalogue
from pipelines.steps import ChainStep
from pipelines.steps.form import form_schema

# What the chain is given by the run and its form.
GIVEN = {
    "form": "{{ params | tojson }}",
    # The date field of the form, else the day on which the run starts: never the worker's clock.
    "as_of": "{{ params.as_of or dag_run.run_after.strftime('%Y-%m-%d') }}",
    "since": "{{ params['from'] or '' }}",
    "until": "{{ params['to'] or '' }}",
    "author": "{{ dag_run.triggering_user_name ~ ' (Airflow)' if dag_run.triggering_user_name "
    "else 'schedule' }}",
    "ask": "{{ params.register }}",
}


def make_task(link: ChainStep, known: Mapping[str, Any], declared: ModelSpec) -> Any:
    """Make the task of a step; of the search one for each worker."""
    given, workers = link.arguments(known), declared.training.trials_workers
    if link.step is steps.tune and workers > 1:
        tuned = step_task(link.step).partial(**dict(zip(link.inputs, given, strict=True)))
        return tuned.expand(worker=[str(number) for number in range(workers)])
    if link.step is steps.register:
        return step_task(link.step, outlets=[candidate_asset(declared.name)])(*given)
    return step_task(link.step)(*given)


for name, declared in load_catalogue().specs.items():
    form = {
        field: Param(schema.pop("default", None), **schema)
        for field, schema in form_schema(declared).items()
    }
    with DAG(
        **dag_defaults(declared, "nightly"),
        schedule=declared.schedule.nightly,
        params=form,
        doc_md=f"Retrains and checks `{name}`: see `{find_spec(name)}`.",
    ) as dag:
        known: dict[str, Any] = GIVEN | {"asked_spec": name, "registered_spec": name}
        before: Any = RunConcurrency(task_id="turn", last=steps.NIGHTLY[-1].name)
        for link in (*steps.OPENING, *steps.NIGHTLY):
            task = make_task(link, known, declared)
            before >> task
            known[link.output] = before = task
            if link.step is steps.tune and declared.training.trials_workers > 1:
                # Every worker returns the same study; training waits for all of them.
                known[link.output] = "{{ ti.xcom_pull(task_ids='tune', map_indexes=0) }}"
    globals()[dag.dag_id] = dag
