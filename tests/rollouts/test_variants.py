"""A second version beside the champion: shadows, splits, what was captured, and rehearsals."""

import re
import time
from pathlib import Path

import pytest

from expectations.contract import InputError, ProblemsError
from infra.sagemaker.runtime.invocation import ask
from pipelines import steps
from tests.pipelines.nights import AS_OF, QUIET, variant
from tests.rollouts.rig import Rig

pytestmark = QUIET


def send(rig: Rig, count: int) -> list[str]:
    """The versions that answered `count` customers."""
    rows = rig.golden
    return [
        ask("cards", [rows[n % len(rows)]], inference_id=f"t-{n}", entity=f"c-{n}").version
        for n in range(count)
    ]


def eventually(what, seconds: float = 20.0):
    """What a call returns once it is no more refused."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return what()
        except InputError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def test_a_shadow_answers_nobody_and_its_answers_are_compared(rig: Rig) -> None:
    assert steps.shadow(rig.reference, "2") == "endpoints:/cards/1+2"
    assert set(send(rig, 60)) == {"1"}
    report = eventually(lambda: steps.disagreements(rig.reference))
    assert "version 2 as shadow" in report
    rows = int(re.search(r"rows +(\d+) answered by 1 and by 2", report)[1])
    counts = [
        int(n) for n in re.findall(r"(?:both alert|both pass|only \d +alerts) +(\d+)", report)
    ]
    assert sum(counts) == rows
    assert "beside it version 2 as shadow" in steps.status(rig.reference)
    with pytest.raises(InputError, match=r"is a shadow\. Run .overnight end"):
        steps.reject(rig.reference, "2", "no")
    steps.end(rig.reference)
    assert "beside it" not in steps.status(rig.reference)
    assert rig.kinds()[-2:] == ["shadow", "end"]
    assert rig.chain.champion == 1


def test_a_deployment_of_what_serves_leaves_the_shadow_and_another_ends_it(rig: Rig) -> None:
    steps.shadow(rig.reference, "2")
    assert len(rig.live()["ShadowProductionVariants"]) == 1
    assert "ends, beside it Shadow with version 2" in steps.plan(rig.reference)
    rig.deploy()
    assert "ShadowProductionVariants" not in rig.live()
    assert rig.chain.variant is None
    steps.shadow(rig.reference, "1")
    with pytest.raises(InputError, match="is the champion"):
        steps.shadow(rig.reference, "2")
    assert "no change" in steps.plan(rig.reference)
    rig.deploy()
    assert len(rig.live()["ShadowProductionVariants"]) == 1


def test_a_split_is_sticky_by_customer_and_needs_what_an_approval_needs(rig: Rig) -> None:
    strict = variant(Path(rig.reference), {"four_eyes = false": "four_eyes = true"})
    with pytest.raises(ProblemsError, match="another person has to approve it"):
        steps.split(strict, "2", "is it better?", "50")
    steps.split(rig.reference, "2", "is it better?", "50")
    first = send(rig, 200)
    assert 0.35 < first.count("2") / 200 < 0.65
    assert send(rig, 200) == first
    report = eventually(lambda: steps.disagreements(rig.reference))
    assert "version 2 as split" in report
    assert "AllTraffic" in report
    steps.end(rig.reference)
    assert set(send(rig, 20)) == {"1"}
    assert [r.reason for r in rig.chain.records if r.kind == "split"] == [
        "is it better? (50% of the traffic)"
    ]


def test_a_split_with_what_the_gate_refused_needs_an_override_which_is_recorded(
    rig: Rig,
) -> None:
    rig.deploy()
    refused = (
        f"{rig.reference}?gate.max_latency_ms=1e-6&training.trials=1&training.lightgbm.members=1"
    )
    study = steps.tune(refused, AS_OF, "training_sets@v1")
    run = steps.train(refused, AS_OF, "training_sets@v1", study)
    version = steps.register(
        refused, AS_OF, steps.evaluate(refused, AS_OF, "training_sets@v1", run)
    )
    number = version.rpartition("/")[2]
    with pytest.raises(ProblemsError, match="set that aside with --override"):
        steps.split(rig.reference, number, "is it better?", "50")
    steps.split(rig.reference, number, "is it better?", "50", "it is quick elsewhere")
    assert set(send(rig, 60)) == {"2", number}
    assert [r.reason for r in rig.chain.records if r.kind == "split"] == [
        "is it better?; the gate's refusal set aside: it is quick elsewhere (50% of the traffic)"
    ]
    steps.end(rig.reference)


def test_a_share_that_is_none_is_refused(rig: Rig) -> None:
    for percent in ("0", "100", "half", "-5"):
        with pytest.raises(InputError, match="is no share of the traffic"):
            steps.split(rig.reference, "2", "why not", percent)
