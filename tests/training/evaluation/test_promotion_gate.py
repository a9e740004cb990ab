"""The gate's error rates, on scores whose true quality is known, and each of its refusals."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from tests.training.frames import PARAMS, as_rows, fold, make_rows
from training.evaluation.promotion_gate import ModelUnderTest, compare, judge_alone
from training.evaluation.scored import ScoredRows, score_rows
from training.learners.lightgbm.fit import fit
from training.policy import GatePolicy, TrainingPolicy

FOLD = fold((-9, -2), (0, 7))
TRAINING = TrainingPolicy()
COLUMNS = {"amount": "numeric", "channel": "categorical"}
BETTER = GatePolicy(require="better", resamples=200)
NOT_WORSE = GatePolicy(resamples=200)


def draw_window(seed: int, *, count: int = 6_000) -> ScoredRows:
    """A test week whose 400 customers each have their own luck; no scores yet."""
    rows = as_rows(make_rows(count, days=7, seed=seed))
    return score_rows(rows, np.zeros(len(rows)), fold=FOLD, customer="customer_id")


def score(window: ScoredRows, *, signal: float, seed: int) -> ScoredRows:
    """What a model would say: the label's trace in noise. `signal` sets its average precision."""
    chance = np.random.default_rng(seed)
    customer = np.random.default_rng(seed + 1).normal(size=window.customers.max() + 1)
    noise = chance.normal(size=len(window)) + 0.5 * customer[window.customers]
    raw = 1 / (1 + np.exp(4 - signal * window.labels - noise))
    return replace(window, scores=raw)


def judge(scored: ScoredRows, **changed: object) -> ModelUnderTest:
    return replace(ModelUnderTest(scored, threshold=0.5, columns=COLUMNS), **changed)


def is_passed(
    name: str, ours: ModelUnderTest, theirs: ModelUnderTest, policy: GatePolicy, **slices: object
) -> bool:
    checks = compare(ours, theirs, slices=slices, policy=policy, training=TRAINING)
    return next(check.is_passed for check in checks if check.name == name)


def precision(scored: ScoredRows) -> float:
    return float(average_precision_score(scored.labels, scored.scores))


def test_equal_models_pass_as_better_at_most_one_time_in_twenty() -> None:
    passed = 0
    for number in range(100):
        window = draw_window(number % 10)
        common = score(window, signal=3.2, seed=5_000 + number)
        ours, theirs = (
            blend(common, score(window, signal=3.2, seed=2 * number + own)) for own in (0, 1)
        )
        passed += is_passed("average precision", judge(ours), judge(theirs), BETTER)
    assert passed <= 5


def test_models_of_other_seeds_pass_as_better_at_most_one_time_in_twenty() -> None:
    """Models that were really fitted: their true difference is not 0, if small."""
    passed, pairs = 0, 0
    for start in range(3):
        rows = as_rows(make_rows(9_000, days=14, seed=50 + start))
        given = fold((0, 7), (7, 14))
        test = rows.within(given.test)
        models = [
            fit(
                rows,
                given.train,
                params=PARAMS,
                policy=TrainingPolicy(seed=seed, lightgbm={"members": 1}),
            )
            for seed in range(6)
        ]
        judged = [
            judge(score_rows(test, model.predict(test), fold=given, customer="customer_id"))
            for model in models
        ]
        for ours, theirs in permutations(judged, 2):
            passed += is_passed("average precision", ours, theirs, BETTER)
            pairs += 1
    assert pairs == 90
    assert passed <= 0.05 * pairs


def blend(common: ScoredRows, own: ScoredRows) -> ScoredRows:
    """Models of one kind agree in most of what they say; seeds differ in the rest."""
    mixed = np.log(common.scores / (1 - common.scores)) * 0.9 + 0.1 * np.log(
        own.scores / (1 - own.scores)
    )
    return replace(common, scores=1 / (1 + np.exp(-mixed)))


def test_a_planted_gain_of_three_hundredths_is_found_four_times_in_five() -> None:
    passed, gains = 0, []
    for number in range(40):
        window = draw_window(number % 10)
        common = score(window, signal=3.2, seed=5_000 + number)
        theirs = blend(common, score(window, signal=3.2, seed=2 * number))
        ours = blend(common, score(window, signal=3.2, seed=2 * number + 1))
        ours = lift(ours, to=precision(theirs) + 0.03)
        gains.append(precision(ours) - precision(theirs))
        passed += is_passed("average precision", judge(ours), judge(theirs), BETTER)
    assert np.mean(gains) == pytest.approx(0.03, abs=0.002)
    assert passed >= 0.8 * 40


def lift(scored: ScoredRows, *, to: float) -> ScoredRows:
    """Raise the frauds' scores until average precision is `to`."""
    logits = np.log(scored.scores / (1 - scored.scores))

    def lifted(by: float) -> ScoredRows:
        return replace(scored, scores=1 / (1 + np.exp(-(logits + by * scored.labels))))

    low, high = -1.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if precision(lifted(middle)) < to else (low, middle)
    return lifted(high)


def test_a_much_worse_model_is_worse_and_an_equal_one_is_not() -> None:
    window = draw_window(1)
    good = judge(score(window, signal=4.0, seed=1))
    bad = judge(score(window, signal=2.0, seed=1))
    assert is_passed("average precision", good, good, NOT_WORSE)
    assert not is_passed("average precision", bad, good, NOT_WORSE)
    assert not is_passed("money saved", bad, good, NOT_WORSE)
    assert not is_passed("average precision", good, good, BETTER)


def test_a_loss_that_the_mean_hides_is_found_in_its_slice() -> None:
    window = draw_window(2, count=12_000)
    good = score(window, signal=4.0, seed=1)
    web = np.asarray(window.amounts > 100)
    assert window.labels[web].sum() >= 20
    spoiled = np.where(web, score(window, signal=-3.0, seed=2).scores, good.scores)
    bad = judge(replace(window, scores=spoiled))
    slices = {"amount from 100": web, "amount under 100": ~web}
    checks = compare(bad, judge(good), slices=slices, policy=NOT_WORSE, training=TRAINING)
    (found,) = [check for check in checks if check.name == "slices"]
    assert not found.is_passed
    assert "amount from 100" in found.reason
    assert "amount under 100" not in found.reason


def test_slices_of_equal_models_are_together_rarely_refused() -> None:
    """Ten slices at 97.5 % each would refuse about every fifth; Holm's refuse one in forty."""
    refused = 0
    for number in range(60):
        window = draw_window(number % 10)
        ours, theirs = (
            judge(score(window, signal=3.2, seed=2 * number + own)) for own in (100, 101)
        )
        parts = {f"tenth {n}": window.customers % 10 == n for n in range(10)}
        policy = NOT_WORSE.model_copy(update={"slice_margin": 0.0})
        refused += not is_passed("slices", ours, theirs, policy, **parts)
    assert refused <= 6


def test_a_feature_whose_kind_changed_is_refused_and_new_ones_are_told() -> None:
    ours = judge(score(draw_window(3), signal=3.0, seed=1))
    other = judge(ours.scored, columns={"amount": "categorical", "channel": "categorical"})
    assert not is_passed("features", ours, other, NOT_WORSE)
    fewer = judge(ours.scored, columns={"amount": "numeric", "gone_7d": "numeric"})
    checks = compare(ours, fewer, slices={}, policy=NOT_WORSE, training=TRAINING)
    (features,) = [check for check in checks if check.name == "features"]
    assert features.is_passed
    assert features.reason == "new: channel; gone: gone_7d"


def test_alone_a_model_has_to_beat_the_baseline_be_calibrated_and_quick() -> None:
    window = draw_window(4)
    rate = window.labels.mean()
    calibrated = replace(window, scores=np.where(window.labels == 1, 0.9, 0.0) + 0.05 * rate)

    def failed(scored: ScoredRows, *, baseline: float = 0.5, latency_ms: float = 1.0) -> list[str]:
        checks = judge_alone(
            judge(scored),
            baseline=baseline,
            latency_ms=latency_ms,
            policy=GatePolicy(resamples=200),
            seed=1,
        )
        return [check.name for check in checks if not check.is_passed]

    assert failed(calibrated) == []
    assert failed(calibrated, baseline=1.0) == ["baseline"]
    assert failed(calibrated, latency_ms=9.0) == ["latency"]
    assert failed(replace(calibrated, scores=calibrated.scores / 3)) == ["calibration"]
