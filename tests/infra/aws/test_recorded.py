"""The roles against what the whole run called (`tests/e2e/test_actions.py` wrote it down).

Nothing is called that its role does not allow on that resource; nothing is allowed that is never
called, but what stands here with its reason.
"""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.infra.aws.stacks import listed, spell

RECORD = json.loads(Path(__file__).with_name("recorded.json").read_text())

KEY = "S3 uses the key on behalf of whoever reads or writes."
GRANT = "SageMaker asks it of the caller when [endpoint] kms_key is set; the embedded one does not."
PARTS = "Large files go up in parts, and what fails is given up; no file of the run is large."
STARTING = (
    "EMR may ask it of who submits to an application that has stopped; the embedded one runs."
)
STOPPED = "A step that is told to stop cancels its job (tests/infra/emr); none of the run is."
DERIVED = "Derived files go after eight nights, or when damage is repaired; the run has two nights."
SWEPT = "What a killed job has left is removed after two days; none of the run is killed."
TWICE = "Windows over conditions on features are built in two passes; the spec of the run has none."
FEW = "A delivery of a million new rows is ingested by a job; the run has fewer."
OVERRIDDEN = "A report is written again when a reviewer overrides the gate; nobody in the run does."
FETCHED = "EMR lists what it fetches for a job; the embedded one fetches it by its name."
LOGGED = "EMR writes the log of a job under the job's role."
# Role, action and, where not all of it, resource, to why nobody called it.
UNCALLED = {
    **{(role, "kms:Decrypt"): KEY for role in RECORD},
    **{(role, "kms:GenerateDataKey"): KEY for role in RECORD},
    **{(role, "s3:AbortMultipartUpload"): PARTS for role in RECORD},
    ("deploy", "kms:CreateGrant"): GRANT,
    ("deploy", "kms:DescribeKey"): GRANT,
    ("deploy", "s3:PutObject", "artefacts/mlflow/*"): OVERRIDDEN,
    ("nightly", "emr-serverless:CancelJobRun"): STOPPED,
    ("nightly", "emr-serverless:StartApplication"): STARTING,
    ("nightly", "s3:DeleteObject", "lake/demo/features/.earlier-*/*"): SWEPT,
    **{
        ("nightly", "s3:DeleteObject", f"lake/demo/{name}/*"): DERIVED
        for name in ("transactions/_ids", "profiles", "*/.damage")
    },
    ("nightly", "s3:DeleteObject", "lake/demo/transactions/.delivery-*/*"): FEW,
    **{
        ("spark", "s3:PutObject", f"lake/demo/{name}/*"): FEW for name in ("transactions", "labels")
    },
    ("spark", "s3:DeleteObject", "lake/demo/features/.earlier-*/*"): TWICE,
    ("spark", "s3:ListBucket", "artefacts"): FETCHED,
    **{
        ("spark", f"logs:{action}"): LOGGED
        for action in ("CreateLogStream", "DescribeLogGroups", "DescribeLogStreams", "PutLogEvents")
    },
}
# Its actions are those of the managed MLflow server; a database stood in for it.
TRACKING = "sagemaker-mlflow:"


@pytest.fixture
def dev(stacks):
    return stacks["dev"]


def allowed(stack, role):
    """Each action of a role with each resource, as the record spells them, and its conditions."""
    for statement in stack.statements(role).values():
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                yield action, _spell(stack, spell(resource)), statement.get("Condition", {})


def _spell(stack, arn):
    if "/applications/" in arn:
        return "jobrun/*" if "/jobruns/" in arn else "application/*"
    for name, properties in stack.found("AWS::S3::Bucket").items():
        purpose = spell(properties["BucketName"]).split("-")[2]
        arn = arn.replace(f"<{name}.Arn>", purpose)
    for name in stack.roles().values():
        arn = arn.replace(f"<{name}.Arn>", "role")
    return re.sub(r"^arn:.*:(\w+):(?=[\w-]+-\*$)|^arn:[^/]*:(?=[\w-]+/)", r"\1/", arn).lstrip("/")


def is_met(action, resource, statement):
    """Whether a call is allowed by an action, a resource and conditions of a role."""
    may, on, conditions = statement
    if may != action:
        return False
    bucket, mark, prefix = resource.partition("?")
    if mark:
        wanted = listed(conditions.get("StringLike", {}).get("s3:prefix", "*"))
        return fnmatchcase(bucket, on) and any(fnmatchcase(f"{prefix}/", f"{w}*") for w in wanted)
    if resource.startswith("metrics/"):
        namespaces = listed(conditions["StringEquals"]["cloudwatch:namespace"])
        return resource.removeprefix("metrics/") in namespaces
    # What differs from run to run is an asterisk in the record: any text at all.
    return fnmatchcase(resource.replace("*", "0"), on)


def called(role):
    return {
        (action, resource)
        for actions in RECORD[role].values()
        for action, resources in actions.items()
        for resource in resources
    }


def test_the_record_has_every_role_of_the_run():
    assert set(RECORD) == {"nightly", "spark", "reviewer", "deploy"}


@pytest.mark.parametrize("role", RECORD)
def test_a_role_allows_every_call_that_its_steps_made(dev, role):
    statements = list(allowed(dev, role))
    refused = [
        f"{step}: {action} on {resource}"
        for step, actions in RECORD[role].items()
        for action, resources in actions.items()
        for resource in resources
        if not any(is_met(action, resource, statement) for statement in statements)
    ]
    assert refused == []


@pytest.mark.parametrize("role", RECORD)
def test_a_role_allows_nothing_that_no_step_called_but_for_a_reason(dev, role):
    calls = called(role)
    idle = {
        (action, on)
        for action, on, conditions in allowed(dev, role)
        if not action.startswith(TRACKING)
        and not any(is_met(*call, (action, on, conditions)) for call in calls)
    }
    unexplained = {
        (role, *pair)
        for pair in idle
        if (role, *pair) not in UNCALLED and (role, pair[0]) not in UNCALLED
    }
    assert unexplained == set()


@pytest.mark.parametrize("entry", UNCALLED, ids=" ".join)
def test_no_reason_is_given_for_what_is_called_or_not_allowed(dev, entry):
    role, action, *on = entry
    idle = [
        (may, where)
        for may, where, conditions in allowed(dev, role)
        if may == action
        and (not on or where == on[0])
        and not any(is_met(*call, (may, where, conditions)) for call in called(role))
    ]
    assert idle
