"""`<spec>_nightly`: the nightly chain of every spec, from its source to a registered challenger."""

from airflow.sdk import DAG, Param

from dags.assets import candidate_asset
from dags.concurrency import RunConcurrency
from dags.defaults import dag_defaults
from dags.tasks import step_task
from pipelines import steps
from pipelines.config import find_spec, load_catalogue
from pipelines.steps.form import form_schema

# The date field of the form, else the day on which the run starts: never the worker's clock.
AS_OF = "{{ params.as_of or dag_run.run_after.strftime('%Y-%m-%d') }}"
AUTHOR = (
    "{{ dag_run.triggering_user_name ~ ' (Airflow)' if dag_run.triggering_user_name "
    "else 'schedule' }}"
)

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
        turn = RunConcurrency(task_id="turn", last="register")
        spec = step_task(steps.configure)(name, "{{ params | tojson }}")
        reconciled = step_task(steps.reconcile)(name)
        ingested = step_task(steps.ingest)(spec, AS_OF)
        turn >> spec >> reconciled >> ingested
        snapshot = step_task(steps.validate)(spec, AS_OF, ingested)
        days = ("{{ params['from'] or '' }}", "{{ params['to'] or '' }}")
        features = step_task(steps.build_features)(spec, AS_OF, snapshot, *days)
        training_set = step_task(steps.build_training_set)(spec, AS_OF, snapshot, features)
        if declared.training.trials_workers == 1:
            study = step_task(steps.tune)(spec, AS_OF, training_set)
        else:
            workers = [str(number) for number in range(declared.training.trials_workers)]
            tuned = step_task(steps.tune).partial(spec=spec, as_of=AS_OF, training_set=training_set)
            mapped = tuned.expand(worker=workers)
            # Every worker returns the same study; training waits for all of them.
            study = "{{ ti.xcom_pull(task_ids='tune', map_indexes=0) }}"
        trained = step_task(steps.train)(spec, AS_OF, training_set, study, AUTHOR)
        if declared.training.trials_workers > 1:
            mapped >> trained
        evaluated = step_task(steps.evaluate)(spec, AS_OF, training_set, trained)
        register = step_task(steps.register, outlets=[candidate_asset(name)])
        register(spec, AS_OF, evaluated, "{{ params.register }}")
    globals()[dag.dag_id] = dag
