"""`<spec>_review`: asks in Airflow about a new candidate, where a spec says so."""

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import DAG, Param, task

from dags.approvals import candidate_asset
from dags.terms import dag_terms
from pipelines import steps
from pipelines.plain_text import LIMITS
from pipelines.spec import list_specs, load_spec

ASKED = "ti.xcom_pull(task_ids='ask')"

for name in list_specs():
    declared = load_spec(name)
    if declared.approval.where != "airflow":
        continue
    with DAG(
        **dag_terms(declared, "review"),
        # Its own run, so that the next night does not wait for an answer.
        schedule=[candidate_asset(name)],
        is_paused_upon_creation=False,
        doc_md=f"Asks whether the newest candidate of `{name}` is approved.",
    ) as dag:
        version = task.short_circuit(steps.candidate)(name)
        described = task(steps.review)(name, version)
        asked = HITLOperator(
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
        described >> asked
        said = (
            f"{{{{ {ASKED}['chosen_options'][0] }}}}",
            f"{{{{ {ASKED}['params_input'].get('because', '') }}}}",
            f"{{{{ ({ASKED}['responded_by_user'] or {{}}).get('name', '') }}}}",
        )
        asked >> task(steps.answer)(name, version, *said)
    globals()[dag.dag_id] = dag
