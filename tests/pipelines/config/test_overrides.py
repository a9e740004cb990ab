"""What a reference, or the form of a run, may change of a spec."""

import json
from pathlib import Path
from urllib.parse import quote

import jsonschema
import pytest

from expectations.contract import ProblemsError
from pipelines import steps
from pipelines.config.overrides import SECTIONS
from pipelines.config.spec import ModelSpec, load_spec
from pipelines.steps.form import form_schema
from tests.pipelines.nights import SPEC


@pytest.fixture
def cards(tmp_path: Path) -> str:
    path = tmp_path / "cards.toml"
    path.write_text(SPEC)
    return str(path)


REFUSED = [
    'name="evil"', "name=evil", 'source.path="/etc/passwd"', 'source.format="csv"',
    'source={path="/etc/passwd"}', 'source.roles.amount="x"', 'labels.path="x"', 'labels.delay=1d',
    "labels={}", "approval.four_eyes=false", "approval.expires=900d", "approval={four_eyes=false}",
    'endpoint.role_arn="x"', "endpoint.instance_count=9", "endpoint={}",
    # However it is spelt.
    '"approval".four_eyes=false', "'approval'.four_eyes=false", "approval .four_eyes=false",
    " approval.four_eyes=false", "APPROVAL.four_eyes=false", ".approval.four_eyes=false",
    "approval.\"four_eyes\"=false", "approv%61l.four_eyes=false", "%61pproval.four_eyes=false",
    "training.seed=1\napproval.four_eyes=false&approval.four_eyes=false",
    "\u0430pproval.four_eyes=false", "=1", "approval=", "features.add.approval.four_eyes=false",
    "features.add=" + quote("[approval]\nfour_eyes = false\n", safe=""),
    "features.add=" + quote("[features]\nx = []\n[source]\npath = 'x'", safe=""),
]  # fmt: skip


@pytest.mark.parametrize("change", REFUSED)
def test_what_is_none_of_a_runs_business_is_refused(cards: str, change: str) -> None:
    with pytest.raises(ProblemsError):
        load_spec(f"{cards}?{change}")
    with pytest.raises(ProblemsError):
        steps.configure(cards, json.dumps({"overrides": change}))


@pytest.mark.parametrize("change", ['source.path="x"', "approval.four_eyes=false", 'name="evil"'])
def test_the_refusal_names_what_may_be_changed(cards: str, change: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        load_spec(f"{cards}?{change}")
    (problem,) = caught.value.problems
    assert all(section in problem for section in SECTIONS)
    assert "cards.toml" in problem or "file" in problem


def test_values_are_read_as_a_query_but_for_the_plus_of_a_number(cards: str) -> None:
    spec = load_spec(f"{cards}?gate.margin=1e%2D2&&training.seed=+7&contract.amount.maximum=5e+1&")
    assert (spec.gate.margin, spec.training.seed, spec.contract.amount.maximum) == (0.01, 7, 50.0)


def test_everything_that_is_wrong_with_overrides_is_told_at_once(cards: str) -> None:
    changes = "training.seed&=1&training.seed=1&training%2Eseed=2&training.seed.more=3&gate"
    with pytest.raises(ProblemsError) as caught:
        load_spec(f"{cards}?{changes}")
    for said in (
        "override 'training.seed': write it as section.key=value",
        "override 'gate': write it as section.key=value",
        "override '': one run may change contract, features, gate, training",
        "training.seed is given twice",
        "override 'training.seed.more': seed is not a section",
    ):
        assert any(said in problem for problem in caught.value.problems), said


def test_no_value_reaches_another_section(cards: str) -> None:
    """A value that goes on after its own end is read to its end alone."""
    before = load_spec(cards)
    text = quote("1\n[approval]\nfour_eyes = false", safe="")
    spec = load_spec(f"{cards}?training.seed={text}")
    assert spec.training.seed == 1
    assert (spec.approval, spec.source, spec.endpoint) == (
        before.approval, before.source, before.endpoint,
    )  # fmt: skip


def test_the_sections_are_some_of_the_specs_and_all_others_are_kept() -> None:
    assert {*ModelSpec.model_fields} - {*SECTIONS} == {
        "name", "source", "labels", "approval", "endpoint", "schedule",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "is_good"),
    [
        ("training.seed=3&gate.margin=0.05", True), (" training.seed=3 ", True), ("", True),
        ("contract.amount.maximum=50", True), ("features.conditions=[]", True),
        ("training.seed=3\n&gate.margin=1", True), ("training={seed=1}", True),
        ('source.path="x"', False), ("training.seed=3&approval.four_eyes=false", False),
        ("name=evil", False), ("trainings.seed=3", False), ("schedule.retries=1", False),
    ],
)  # fmt: skip
def test_airflow_refuses_other_sections_when_the_run_is_triggered(
    cards: str, changes: str, is_good: bool
) -> None:
    schema = {"type": "object", "properties": dict(form_schema(load_spec(cards)))}
    assert jsonschema.Draft7Validator(schema).is_valid({"overrides": changes}) is is_good
    assert "contract" in schema["properties"]["overrides"]["description"]
