"""Two models on the same rows: figures by hand, differences of pairs, slices, reasons."""

from dataclasses import replace

import numpy as np
import pytest

from expectations.contract import Interval
from infra.serving.model import Calibration, Reference
from tests.training.evaluation.comparison.test_curves import TWO_DAYS, scored
from tests.training.frames import PARAMS, as_rows, day, make_rows
from training.bundle.writing import Bundle, write_bundle
from training.evaluation.comparison import Candidate, compare_models
from training.evaluation.comparison.explanation import top_reasons
from training.evaluation.promotion_gate import MIN_SLICE_FRAUDS
from training.evaluation.scored import ScoredRows
from training.learners.lightgbm.fit import fit
from training.policy import TrainingPolicy

POLICY = TrainingPolicy(lightgbm={"members": 1}, review={"cost": 5.0, "capacity": 1})


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    rows = as_rows(make_rows(2_000))
    return write_bundle(
        tmp_path_factory.mktemp("bundle"),
        name="demo",
        model=fit(rows, Interval(start=day(0), end=day(40)), params=PARAMS, policy=POLICY),
        calibration=Calibration("identity"),
        threshold=0.6,
        threshold_id="alert_rate_0.005",
        golden=rows.take(range(3)),
        reference=Reference((), (1.0,), 0.0, {}),
    )


def judged(bundle: Bundle, rows: ScoredRows) -> Candidate:
    return Candidate(bundle, rows)


def alike(count: int, *, seed: int, noise: float) -> ScoredRows:
    """Dataset whose scores are their label in noise."""
    chance = np.random.default_rng(seed)
    labels = (chance.random(count) < 0.2).astype(int)
    marks = np.clip(0.5 * labels + chance.normal(0.2, noise, count), 0, 1)
    return scored([(0, y, 20.0, s) for y, s in zip(labels.tolist(), marks.tolist(), strict=True)])


def test_a_day_has_its_mean_money_alerts_reviews_and_frauds(bundle: Bundle) -> None:
    compared = compare_models(judged(bundle, scored(TWO_DAYS)), None, slices={}, policy=POLICY)
    found = {name: each.value for name, each in compared.candidate.estimates.items()}
    # One review a day: the fraud of 100 on the first, a legitimate row on the second.
    assert found["money_saved"] == 45.0
    assert (found["alerts"], found["reviews"], found["frauds_found"]) == (2.0, 1.0, 0.5)
    # Ranked fraud and legitimate at 0.9, legitimate, fraud, fraud: precision 1/2, 2/4, 3/5.
    assert found["average_precision"] == pytest.approx((1 / 2 + 2 / 4 + 3 / 5) / 3)
    assert (compared.days, compared.rows, compared.frauds) == (2, 5, 3)


def test_without_a_champion_there_is_nothing_to_compare(bundle: Bundle) -> None:
    whole = {"all": np.ones(5, dtype=bool)}
    compared = compare_models(judged(bundle, scored(TWO_DAYS)), None, slices=whole, policy=POLICY)
    assert compared.champion is None
    assert compared.gains == {}
    (part,) = compared.slices
    assert (part.champion, part.gain, part.is_worse) == (None, None, False)
    assert [each.champion_score for each in compared.false_positives] == [None, None]


def test_the_same_model_twice_differs_by_nothing_with_certainty(bundle: Bundle) -> None:
    one = judged(bundle, alike(300, seed=1, noise=0.2))
    compared = compare_models(one, one, slices={}, policy=POLICY)
    for gain in compared.gains.values():
        assert (gain.value, gain.low, gain.high) == (0.0, 0.0, 0.0)
    own = compared.candidate.estimates["average_precision"]
    assert own.low < own.value < own.high


def test_a_gain_is_the_difference_of_pairs(bundle: Bundle) -> None:
    theirs = alike(600, seed=2, noise=0.3)
    # The same scores but for one fraud, which the candidate ranks first.
    first = int(np.flatnonzero(theirs.labels)[0])
    ours = replace(theirs, scores=np.where(np.arange(600) == first, 1.0, theirs.scores))
    compared = compare_models(
        judged(bundle, ours), judged(bundle, theirs), slices={}, policy=POLICY
    )
    gain = compared.gains["average_precision"]
    both = [each.estimates["average_precision"] for each in (compared.candidate, compared.champion)]
    assert gain.value == pytest.approx(both[0].value - both[1].value)
    # Far less uncertain than either: what both find hard cancels out.
    assert gain.high - gain.low < 0.25 * (both[0].high - both[0].low)
    assert gain.low >= 0


def test_a_slice_is_worse_when_its_whole_interval_is(bundle: Bundle) -> None:
    theirs = alike(1_000, seed=3, noise=0.05)
    spoilt = np.arange(1_000) < 500
    worse = np.where(spoilt, np.random.default_rng(0).random(1_000), theirs.scores)
    compared = compare_models(
        judged(bundle, replace(theirs, scores=worse)), judged(bundle, theirs),
        slices={"channel web": spoilt, "channel app": ~spoilt}, policy=POLICY,
    )  # fmt: skip
    assert [part.name for part in compared.slices if part.is_worse] == ["channel web"]
    web, app = compared.slices
    assert web.gain.value == pytest.approx(web.candidate - web.champion)
    assert (app.gain.low, app.gain.high) == (0.0, 0.0)


def test_a_slice_with_few_frauds_is_not_called_worse(bundle: Bundle) -> None:
    theirs = alike(200, seed=4, noise=0.01)
    few = np.zeros(200, dtype=bool)
    few[np.flatnonzero(theirs.labels)[: MIN_SLICE_FRAUDS - 1]] = True
    few[np.flatnonzero(theirs.labels == 0)[:30]] = True
    turned = replace(theirs, scores=1 - theirs.scores)
    compared = compare_models(
        judged(bundle, turned), judged(bundle, theirs), slices={"few": few}, policy=POLICY
    )
    (part,) = compared.slices
    assert part.gain.high < 0
    assert not part.is_judged
    assert not part.is_worse


def test_a_slice_of_frauds_only_has_no_precision_to_compare(bundle: Bundle) -> None:
    rows = scored(TWO_DAYS)
    compared = compare_models(
        judged(bundle, rows), judged(bundle, rows), slices={"frauds": rows.labels == 1},
        policy=POLICY,
    )  # fmt: skip
    assert (compared.slices[0].candidate, compared.slices[0].gain) == (None, None)


def test_false_positives_carry_the_champions_score(bundle: Bundle) -> None:
    ours, theirs = scored(TWO_DAYS), scored([(d, y, a, s / 2) for d, y, a, s in TWO_DAYS])
    compared = compare_models(
        judged(bundle, ours), judged(bundle, theirs), slices={}, policy=POLICY
    )
    shown = [(each.case.score, each.champion_score) for each in compared.false_positives]
    assert shown == [(0.9, 0.45), (0.8, 0.4)]


def test_the_top_reason_of_an_alert_is_what_raised_it_most(bundle: Bundle) -> None:
    rows = as_rows(make_rows(1_000, seed=8))
    scores = bundle.predict(rows)
    everything = ScoredRows(
        rows, scores, rows.labels, rows.amounts, np.zeros(1_000, np.int64), np.arange(1_000)
    )
    found = top_reasons(bundle.model, everything, threshold=0.2, seed=1)
    parts = bundle.model.contributions(rows)[scores >= 0.2, :-1]
    names = [rows.encoding.names[int(np.argmax(row))] for row in parts]
    assert found == {name: pytest.approx(names.count(name) / len(names)) for name in set(names)}
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert top_reasons(bundle.model, everything, threshold=2.0, seed=1) == {}
