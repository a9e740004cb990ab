"""Suites of the tables that are made: training set, features, scores."""

from datetime import timedelta

import pytest

from expectations.contract import Column, InputError
from expectations.policy import Contract
from expectations.results import Validated
from expectations.run import validate_profile
from tests.expectations.tables import AMOUNT, DAYS, IDS, LABEL, ROWS, START, days, profile


def train(labels: list[object], **contract: float) -> Validated:
    from expectations.suites import build_training_suite

    columns = (*IDS, AMOUNT, LABEL)
    tables = days(lambda c, _: c.update(is_fraud=labels), first=DAYS - 1)
    found = profile(columns, tables).finish()
    suite = build_training_suite(
        columns, Contract(**contract), rows=found.rows, maturity=timedelta(days=7)
    )
    return validate_profile(found, suite, table="the training set")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0] * 60, "at least one row of 60 is a fraud, and at most 20%"),
        ([1] * 60, "at least one row of 60 is a fraud, and at most 20%"),
        ([None, 1] + [0] * 58, "is_fraud is never missing"),
        ([2] + [0] * 59, "is_fraud is between 0 and 1"),
    ],
    ids=["no fraud", "all fraud", "unknown label", "no label"],
)
def test_a_training_set_needs_known_labels_of_both_classes(labels, said: str) -> None:
    with pytest.raises(InputError) as caught:
        train(labels).refuse_critical()
    assert said in str(caught.value)


def test_a_training_set_holds_no_label_that_is_younger_than_its_maturity() -> None:
    from expectations.suites import build_training_suite

    columns = (*IDS, AMOUNT, LABEL)
    mature = START + timedelta(days=DAYS - 7)
    found = profile(columns, days(), happened_before=mature).finish()
    suite = build_training_suite(columns, Contract(), rows=found.rows, maturity=timedelta(days=7))
    judged = validate_profile(found, suite, table="the training set")
    assert [f.severity for f in judged.findings] == ["critical"]
    assert "no label is younger than 7d" in judged.findings[0].text
    assert len(judged.findings[0].days) == 7


def test_features_have_ranges_that_their_aggregates_cannot_leave_and_vary() -> None:
    from expectations.suites import build_feature_suite

    rate = Column(name="rate", kind="number", minimum=0, maximum=1)
    constant = Column(name="constant", kind="count", minimum=0)
    columns = (*IDS, rate, constant)

    def change(c: dict[str, list[object]], day: int) -> None:
        c["rate"] = [0.5 + n / 1000 for n in range(ROWS)]
        c["constant"] = [4] * ROWS
        if day == DAYS - 1:
            c["rate"][0] = 1.5

    found = profile(columns, days(change)).finish()
    judged = validate_profile(found, build_feature_suite(columns, Contract()), table="features")
    texts = [finding.text for finding in judged.findings]
    assert any(t.startswith("rate is between 0 and 1") and "[2340]" in t for t in texts)
    assert any(t.startswith("constant is not the same everywhere") for t in texts)
    assert len(texts) == 2


def test_scores_are_probabilities() -> None:
    from expectations.suites import build_score_suite

    score = Column(name="score", kind="number", is_required=True, minimum=0, maximum=1)
    columns = (*IDS, AMOUNT, score)
    tables = days(lambda c, _: c.update(score=[1.1 if n == 3 else 0.2 for n in range(ROWS)]))
    found = profile(columns, tables[-1:]).finish()
    judged = validate_profile(found, build_score_suite(columns, Contract()), table="scores")
    assert [f.text[:24] for f in judged.findings] == ["score is between 0 and 1"]
    with pytest.raises(InputError, match="score is between 0 and 1"):
        judged.refuse_critical()
