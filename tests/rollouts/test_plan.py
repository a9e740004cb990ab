"""The plan of a deployment, and alarms that are not needed any more."""

from pipelines import steps
from tests.pipelines.nights import QUIET
from tests.rollouts.rig import Rig

pytestmark = QUIET


def test_a_plan_and_a_dry_run_make_no_changing_call(rig: Rig) -> None:
    rig.forget_calls()
    text = steps.plan(rig.reference)
    assert steps.roll_out(rig.reference, "", "yes") == "nothing"
    assert rig.mutations() == []
    assert "sagemaker:UpdateEndpoint" in text


def test_the_plan_names_every_action_that_the_deployment_then_takes(rig: Rig) -> None:
    (line,) = [row for row in steps.plan(rig.reference).splitlines() if "actions" in row]
    planned = set(line.split(None, 1)[1].split(", "))
    rig.forget_calls()
    rig.deploy()
    spelled = {"s3:HeadBucket": "s3:ListBucket", "s3:HeadObject": "s3:GetObject"}
    made = {
        spelled.get(name, name)
        for name in (f"{_prefix(s)}:{operation}" for s, operation in rig.calls())
    }
    # PassRole is no call: AWS asks for it when a model is given a role.
    assert made == planned - {"iam:PassRole"}


def test_alarms_on_models_that_serve_no_more_are_removed(rig: Rig) -> None:
    older, others = (
        "cards-0123456789ab-score-shift",
        ["cards-tide", "cardsharp-0123456789ab-missing"],
    )
    rig.put_alarms(older, *others)
    (line,) = [row for row in steps.plan(rig.reference).splitlines() if "alarms " in row]
    assert f"{older} (removed)" in line
    assert "cloudwatch:DeleteAlarms" in steps.plan(rig.reference)
    rig.deploy()
    held = rig.alarms()
    assert older not in held
    assert {*others, "cards-errors", "cards-latency"} <= {*held}


def _prefix(service: str) -> str:
    return {"monitoring": "cloudwatch", "sagemaker-runtime": "sagemaker"}.get(service, service)
