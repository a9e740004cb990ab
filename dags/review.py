"""`<spec>_review`: a decision in Airflow on each new candidate, where a spec says so."""

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import DAG, Param

from dags.assets import candidate_asset
from dags.defaults import dag_defaults
from dags.tasks import gate_task, step_task
from pipelines import steps
from pipelines.config import LIMITS, load_catalogue

ANSWER = "ti.xcom_pull(task_ids='ask')"

for name, declared in load_catalogue().specs.items():
    if declared.approval.where != "airflow":
        continue
    with DAG(
        **dag_defaults(declared, "review"),
        # Its own run, so that the next night does not wait for an answer.
        schedule=[candidate_asset(name)],
        is_paused_upon_creation=False,
        doc_md=f"Asks for a decision on the latest candidate of `{name}`.",
    ) as dag:
        version = gate_task(steps.candidate)(name)
        described = step_task(steps.review)(name, version)
        question = HITLOperator(
            task_id="ask",
            subject=f"Approve {{{{ ti.xcom_pull(task_ids='candidate') }}}} of {name}?",
            body="```text\n{{ ti.xcom_pull(task_ids='review') }}\n```",
            options=["approve", "reject", "later"],
            defaults="later",
            params={
                "because": Param(
                    "",
                    type="string",
                    maxLength=LIMITS["because"],
                    title="The reason, kept with the decision",
                )
            },
            response_timeout=declared.approval.expires,
            execution_timeout=None,
        )
        described >> question
        decision = (
            f"{{{{ {ANSWER}['chosen_options'][0] }}}}",
            f"{{{{ {ANSWER}['params_input'].get('because', '') }}}}",
            f"{{{{ ({ANSWER}['responded_by_user'] or {{}}).get('name', '') }}}}",
        )
        question >> step_task(steps.answer)(name, version, *decision)
    globals()[dag.dag_id] = dag
