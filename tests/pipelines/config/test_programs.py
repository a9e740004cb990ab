"""Programs in expectations and expressions of a spec."""

import json
from urllib.parse import quote

import pytest

from expectations.contract import ProblemsError
from pipelines.config.spec import load_spec
from pipelines.steps.form import configure_night
from tests.pipelines.config.conftest import Write
from tests.pipelines.config.test_spec import GOOD

PROGRAM = (
    '[{name="expect_column_values_to_be_between",column="amount",max_value=2,'
    'severity="quarantine",condition_parser="pandas",'
    "row_condition=\"amount.__class__.__init__.__globals__['sys'].modules['os'].system('id')\"}]"
)
QUERY = '[{name="unexpected_rows_expectation",unexpected_rows_query="select 1"}]'
MISSPELLED = '[{name="expect_column_values_to_be_uniqe",column="amount"}]'
EXPECTATIONS = {
    PROGRAM: (
        "contract.expectations.0.condition_parser: got 'pandas'; write great_expectations",
        "contract.expectations.0.row_condition: got ",
    ),
    QUERY: ("contract.expectations.0.name: got 'unexpected_rows_expectation'; it runs a query",),
    MISSPELLED: ("did you mean expect_column_values_to_be_unique",),
}


@pytest.mark.parametrize("declared", EXPECTATIONS)
def test_a_program_in_an_expectation_is_refused_when_the_spec_is_read(
    write: Write, declared: str
) -> None:
    reference = write(GOOD)
    change = f"contract.expectations={quote(declared, safe='')}"
    for load in (
        lambda: load_spec(f"{reference}?{change}"),
        lambda: configure_night(reference, json.dumps({"overrides": change})),
    ):
        with pytest.raises(ProblemsError) as caught:
            load()
        for said in EXPECTATIONS[declared]:
            assert said in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("if('x' like reflect('java.lang.System','getenv','TOKEN'), 1, 0)", "reflect() runs Java"),
        ("amount /* /*+ */ + rand() + length('*/ -- ')", "a comment; leave it out"),
    ],
)
def test_a_program_in_an_expression_is_refused_when_the_spec_is_read(
    write: Write, sql: str, said: str
) -> None:
    added = f'[[features.derived]]\nname = "evil"\nsql = "{sql}"\n'
    for load in (
        lambda: load_spec(write(GOOD + added)),
        lambda: configure_night(write(GOOD), json.dumps({"add_features": added})),
    ):
        with pytest.raises(ProblemsError) as caught:
            load()
        assert said in str(caught.value)
