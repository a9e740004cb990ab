"""Each registered learner keeps the promises of the seam."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import optuna
import pyarrow as pa
import pytest
from scipy.special import logit
from sklearn.metrics import roc_auc_score

from expectations.contract import Interval
from tests.training.frames import COLUMNS, as_rows, day, make_rows
from training.data.dataset import Dataset
from training.learners import LEARNERS, FittedModel, Learner, Params, default_learner
from training.policy import TrainingPolicy

ROWS = as_rows(make_rows(4_000))
WINDOW = Interval(start=day(0), end=day(30))
LATER = Interval(start=day(32), end=day(40))
POLICY = TrainingPolicy(threads=1, lightgbm={"members": 2})


@pytest.fixture(scope="module", params=LEARNERS)
def learner(request: pytest.FixtureRequest) -> Learner:
    return LEARNERS[request.param]


@pytest.fixture(scope="module")
def params(learner: Learner, tmp_path_factory: pytest.TempPathFactory) -> Params:
    """What the search would begin with, at the size after eight steps."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    study.enqueue_trial(dict(learner.starting_params(POLICY)[0]))
    drawn = learner.suggest(study.ask(), POLICY)
    folder = tmp_path_factory.mktemp("fits")
    return learner.prepare(ROWS, WINDOW, policy=POLICY, folder=folder).sized(drawn, steps=8)


@pytest.fixture(scope="module")
def model(learner: Learner, params: Params) -> FittedModel:
    return learner.fit(ROWS, WINDOW, params=params, policy=POLICY)


def changed(column: str, values: list[object], kind: pa.DataType) -> Dataset:
    """The first rows with other values in a column, read with the categories of all rows."""
    table = make_rows(4_000).slice(0, len(values))
    at = table.schema.get_field_index(column)
    table = table.set_column(at, column, pa.array(values, kind))
    return Dataset(ROWS.encoding.encode(table), table, ROWS.encoding)


def test_its_kind_is_the_name_it_is_registered_under(learner: Learner) -> None:
    assert LEARNERS[learner.kind] is learner
    assert default_learner() in LEARNERS.values()


def test_scores_are_probabilities_one_a_row_that_rank_later_frauds_high(
    model: FittedModel,
) -> None:
    test = ROWS.within(LATER)
    scores = model.predict(test)
    assert (scores.shape, scores.dtype) == ((len(test),), np.float64)
    assert ((scores > 0) & (scores < 1)).all()
    assert roc_auc_score(test.labels, scores) > 0.8
    assert scores.mean() == pytest.approx(test.labels.mean(), rel=0.3)


def test_contributions_add_up_to_the_log_odds(model: FittedModel) -> None:
    test = ROWS.within(LATER)
    parts = model.contributions(test)
    assert parts.shape == (len(test), len(COLUMNS) + 1)
    assert parts.sum(axis=1) == pytest.approx(logit(model.predict(test)), abs=1e-6)
    assert len(set(parts[:, -1])) == 1  # the base is the same for every row


def test_a_saved_model_gives_the_same_scores_and_the_same_text(
    learner: Learner, model: FittedModel
) -> None:
    text = model.save()
    again = learner.load(text, model.encoding)
    assert again.predict(ROWS).tolist() == model.predict(ROWS).tolist()
    assert again.contributions(ROWS).tolist() == model.contributions(ROWS).tolist()
    assert again.save() == text
    assert again.encoding == model.encoding == ROWS.encoding


def test_equal_rows_params_and_seed_give_the_same_text_with_any_number_of_threads(
    learner: Learner, params: Params, model: FittedModel
) -> None:
    for threads in (1, 2):
        policy = POLICY.model_copy(update={"threads": threads})
        assert learner.fit(ROWS, WINDOW, params=params, policy=policy).save() == model.save()
    other = POLICY.model_copy(update={"seed": 8})
    assert learner.fit(ROWS, WINDOW, params=params, policy=other).save() != model.save()


def test_rows_behind_the_window_do_not_change_the_model(
    learner: Learner, params: Params, model: FittedModel
) -> None:
    first, end = ROWS.bounds(WINDOW)
    alone = ROWS.take(np.arange(first, end))
    assert learner.fit(alone, WINDOW, params=params, policy=POLICY).save() == model.save()


def test_a_category_that_training_did_not_see_counts_as_missing(model: FittedModel) -> None:
    unseen = changed("channel", ["moon"] * 50, pa.string())
    missing = changed("channel", [None] * 50, pa.string())
    assert model.predict(unseen).tolist() == model.predict(missing).tolist()
    assert np.isfinite(model.predict(unseen)).all()


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), 1e300])
def test_missing_and_endless_numbers_have_a_finite_score(
    model: FittedModel, value: float | None
) -> None:
    rows = changed("amount", [value] * 20, pa.float64())
    assert np.isfinite(model.predict(rows)).all()
    assert np.isfinite(model.contributions(rows)).all()


def test_a_column_without_any_value_does_not_stop_a_fit(learner: Learner, params: Params) -> None:
    table = make_rows(2_000)
    table = table.append_column("nothing", pa.nulls(table.num_rows, pa.float64()))
    rows = as_rows(table, {**COLUMNS, "nothing": "numeric"})
    fitted = learner.fit(rows, WINDOW, params=params, policy=POLICY)
    assert np.isfinite(fitted.predict(rows)).all()
    assert set(fitted.contributions(rows)[:, -2]) == {0.0}


def test_a_model_that_grows_ends_where_a_fit_of_its_size_does(
    learner: Learner, params: Params, tmp_path: Path
) -> None:
    # One member, for growth averages nothing.
    single = TrainingPolicy(threads=1, lightgbm={"members": 1})
    rows, test = ROWS.within(WINDOW), ROWS.within(LATER)
    fitter = learner.prepare(rows, WINDOW, policy=single, folder=tmp_path)
    (grown,) = fitter.grow(WINDOW, params, test)
    fitted = learner.fit(rows, WINDOW, params=params, policy=single)
    assert grown == pytest.approx(logit(fitted.predict(test)), abs=1e-9)


def test_each_step_of_growth_is_another_model(
    learner: Learner, params: Params, tmp_path: Path
) -> None:
    open_ended = {key: value for key, value in params.items() if key != "rounds"}
    fitter = learner.prepare(ROWS, WINDOW, policy=POLICY, folder=tmp_path)
    growth = fitter.grow(WINDOW, open_ended, ROWS)
    steps = [next(growth) for _ in range(3)]
    assert all((one != other).any() for one, other in pairwise(steps))
    (sized,) = fitter.grow(WINDOW, fitter.sized(open_ended, steps=3), ROWS)
    assert sized.tolist() == steps[2].tolist()


def test_what_the_policy_gives_is_neither_drawn_nor_started_from(learner: Learner) -> None:
    given = {"max_bin": 63, "negative_rate": 0.5}
    policy = TrainingPolicy(lightgbm=given)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=2)).ask()
    drawn = learner.suggest(trial, policy)
    assert {key: drawn[key] for key in given} == given
    assert not given.keys() & trial.params.keys()
    for start in learner.starting_params(policy):
        assert not given.keys() & start.keys()
