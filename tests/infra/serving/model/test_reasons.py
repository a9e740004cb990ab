"""Reason codes against LightGBM's own contributions, and what happens when they do not add up."""

import re

import numpy as np
import pytest

from infra.serving.model.scorer import load_scorer
from tests.infra.bundles import NUMERIC, make_bundle, make_instances, row_of

NAMES = [*NUMERIC, "channel"]
INSTANCES = make_instances(60, seed=11)


@pytest.fixture(scope="module")
def scorer(bundles):
    return load_scorer(bundles["v1"].folder)


def explained(scorer, reasons):
    rows = scorer.signature.rows(INSTANCES, unknown_categories="missing")
    return scorer.predict(rows, reasons=reasons)


def oracle(bundles):
    matrix = np.array([row_of(i) for i in INSTANCES], dtype=np.float32)
    return bundles["v1"].booster.predict(matrix, pred_contrib=True)[:, :-1]


def test_an_alert_names_the_three_features_that_raised_it_most(scorer, bundles):
    alerts = 0
    for found, parts in zip(explained(scorer, "alerts"), oracle(bundles), strict=True):
        if found.decision == "pass":
            assert found.reasons is None
            continue
        alerts += 1
        raising = sorted((-part, at) for at, part in enumerate(parts) if part > 0)[:3]
        assert [(r.feature, r.contribution) for r in found.reasons] == [
            (NAMES[at], -part) for part, at in raising
        ]
    assert 0 < alerts < len(INSTANCES)


def test_all_may_be_explained_and_a_pass_names_what_moved_it_either_way(scorer, bundles):
    for found, parts in zip(explained(scorer, "all"), oracle(bundles), strict=True):
        if found.decision == "pass":
            strongest = np.argsort(-np.abs(parts), kind="stable")[:3]
            moving = [at for at in strongest if parts[at] != 0]
            assert [r.feature for r in found.reasons] == [NAMES[at] for at in moving]


def test_none_are_given_when_none_are_asked_for(scorer):
    assert all(p.reasons is None for p in explained(scorer, "none"))


def test_a_reason_has_the_words_of_the_bundle_or_else_the_features_name(scorer):
    texts = {r.feature: r.text for p in explained(scorer, "all") for r in p.reasons}
    assert texts["amount"] == "montant élevé"
    assert texts["channel"] == "channel"


def test_reasons_that_do_not_add_up_are_withheld_and_the_score_goes_out(tmp_path):
    def spoil(model):
        # TreeSHAP divides by a node's rows; scores do not read these counts. The text keeps its
        # length, which LightGBM knows.
        return re.sub(r"(?m)^internal_count=.*", lambda line: re.sub(r"\d", "0", line[0]), model)

    made = make_bundle(tmp_path / "spoilt", seed=1, change_model=spoil)
    found = explained(load_scorer(made.folder), "all")
    assert [p.score for p in found] == made.expected(INSTANCES)
    withheld = [p for p in found if p.reasons is None]
    assert withheld
    for prediction in withheld:
        assert re.match(
            r"The contributions add up to \S+ and the score is \S+ in log odds; no reasons",
            prediction.reasons_problem,
        )
