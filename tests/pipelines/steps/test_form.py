"""The form of a nightly run: what Airflow checks, what the first step does with the rest."""

import json
from pathlib import Path

import jsonschema
import pytest

from expectations.contract import ProblemsError
from pipelines import steps
from pipelines.config.columns import model_kinds, request_kinds
from pipelines.config.spec import load_spec
from pipelines.steps.form import form_schema
from tests.pipelines.nights import SPEC


@pytest.fixture
def cards(tmp_path: Path) -> str:
    path = tmp_path / "cards.toml"
    path.write_text(SPEC)
    return str(path)


def configured(cards: str, **form: object) -> str:
    return steps.configure(cards, json.dumps(form))


def test_an_empty_form_changes_nothing(cards: str) -> None:
    assert steps.configure(cards) == cards
    defaults = {
        name: schema.get("default") for name, schema in form_schema(load_spec(cards)).items()
    }
    assert steps.configure(cards, json.dumps(defaults)) == cards


def test_nothing_has_to_be_filled_in_on_airflows_page(cards: str) -> None:
    """Its rule: what may not be null and is empty is an error, and Trigger cannot be pressed."""
    required = {
        name: schema["default"]
        for name, schema in form_schema(load_spec(cards)).items()
        if "null" not in schema["type"]
    }
    assert required == {"register": "automatic"}


def test_what_was_typed_and_taken_back_changes_nothing(cards: str) -> None:
    for empty in (None, "", " "):
        assert configured(cards, add_features=empty, overrides=empty, leave_out=None) == cards


def test_what_the_form_asks_for_is_in_the_reference(cards: str) -> None:
    added = '[[features.windows]]\nentity = "customer_id"\naggregates = ["count"]\nwindows = ["1d"]'
    reference = configured(
        cards, trials=5, time_budget="20m", history="10d", leave_out=["channel"],
        add_features=added, overrides="training.seed=3&gate.margin=0.5", register="yes",
    )  # fmt: skip
    spec, before = load_spec(reference), load_spec(cards)
    assert (spec.training.trials, spec.training.seed, spec.gate.margin) == (5, 3, 0.5)
    assert spec.training.time_budget.total_seconds() == 1200
    assert spec.training.train_window.days == 10
    assert list(request_kinds(spec)) == [*request_kinds(before), "customer_transaction_count_1d"]
    assert set(request_kinds(spec)) - set(model_kinds(spec)) == {"channel"}
    assert "\n" not in reference


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"trials": 0}, "trials: got 0"),
        ({"trails": 3}, "trails: unknown key"),
        ({"time_budget": "soon"}, "time_budget: got 'soon'"),
        ({"register": "perhaps"}, "register: got 'perhaps'"),
        (
            {"leave_out": ["chanel"]},
            "training.leave_out: no column 'chanel'; did you mean 'channel'",
        ),
        ({"leave_out": ["amount", "channel", "count_7d"]}, "no column is left for the model"),
        ({"overrides": "training.trails=3"}, "training.trails: unknown key"),
        ({"trials": 5, "overrides": "training.trials=3"}, "training.trials is given twice"),
        ({"from": "2025-02-02", "to": "2025-02-02"}, "from: 2025-02-02 is not before to"),
        ({"add_features": "[[features.windows]"}, "features.add: not TOML"),
        ({"add_features": "[training]\nseed = 1"}, "features.add: write [[features.windows]]"),
        (
            {"add_features": '[[features.derived]]\nname = "x"\nsql = "amuont"'},
            "features.derived.0 (x): position 1: no column 'amuont'; did you mean 'amount'?",
        ),
        ({"history": "12h"}, "training.exclude_window: 1d is longer than train_window, 12h"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_read(
    cards: str, form: dict[str, object], said: str
) -> None:
    with pytest.raises(ProblemsError) as caught:
        configured(cards, **form)
    assert any(said in problem for problem in caught.value.problems), caught.value.problems


def test_all_that_is_wrong_comes_at_once(cards: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        configured(cards, overrides="training.trails=3&training.gap=1d", leave_out=["nothing"])
    assert len(caught.value.problems) == 1  # an unknown key first: what follows from it is no news
    with pytest.raises(ProblemsError) as caught:
        configured(
            cards, overrides="training.gap=1d&training.histories=['90d']", leave_out=["none"]
        )
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("form", "is_good"),
    [
        ({"trials": 5, "as_of": "2025-01-31", "leave_out": ["amount"]}, True),
        ({"trials": None, "as_of": None}, True),
        ({"trials": "5"}, False), ({"trials": 0}, False), ({"history": "two weeks"}, False),
        ({"leave_out": ["cust"]}, False), ({"register": "maybe"}, False),
    ],
)  # fmt: skip
def test_airflow_refuses_what_the_schema_can_say(
    cards: str, form: dict[str, object], is_good: bool
) -> None:
    schema = {"type": "object", "properties": dict(form_schema(load_spec(cards)))}
    assert jsonschema.Draft7Validator(schema).is_valid(form) is is_good
