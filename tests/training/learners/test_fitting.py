"""Same bytes whatever the threads, averages of members, sampled negatives, shortened histories."""

import numpy as np
import pytest

from expectations.contract import Interval
from tests.training.frames import PARAMS, as_rows, day, make_rows
from training.learners.lightgbm.fit import fit
from training.learners.row_selection import select_rows
from training.policy import TrainingPolicy

ROWS = as_rows(make_rows(30_000))
WINDOW = Interval(start=day(0), end=day(40))


def text(*, threads: int = 1, seed: int = 7, members: int = 2, **params: object) -> bytes:
    policy = TrainingPolicy(threads=threads, seed=seed, lightgbm={"members": members})
    return fit(ROWS, WINDOW, params={**PARAMS, **params}, policy=policy).save()


@pytest.mark.parametrize("boost_from_average", [False, True])
@pytest.mark.parametrize("max_bin", [255, 4095])
def test_one_and_two_threads_give_the_same_bytes(boost_from_average: bool, max_bin: int) -> None:
    given = {"boost_from_average": boost_from_average, "max_bin": max_bin, "negative_rate": 0.3}
    assert text(threads=1, **given) == text(threads=2, **given)


def test_a_repetition_gives_the_same_bytes_and_another_seed_others() -> None:
    assert text() == text()
    assert text(seed=8) != text()


def test_an_ensemble_is_the_mean_of_its_members_log_odds() -> None:
    together = fit(
        ROWS, WINDOW, params=PARAMS, policy=TrainingPolicy(seed=7, lightgbm={"members": 3})
    )
    alone = [
        fit(ROWS, WINDOW, params=PARAMS, policy=TrainingPolicy(seed=seed, lightgbm={"members": 1}))
        for seed in (7, 8, 9)
    ]
    # The members differ, else their mean would show nothing.
    assert len({model.save() for model in alone}) == 3
    raw = [model.booster.predict(ROWS.matrix, raw_score=True) for model in alone]
    found = together.booster.predict(ROWS.matrix, raw_score=True)
    np.testing.assert_allclose(found, np.mean(raw, axis=0), rtol=0, atol=1e-12)


def test_the_rows_kept_of_the_legitimate_stand_for_all_of_them() -> None:
    chosen = select_rows(
        ROWS, WINDOW, params={**PARAMS, "history": "40d", "negative_rate": 0.2}, seed=1
    )
    labels, weights = ROWS.labels[chosen.positions], chosen.weights
    assert labels.sum() == ROWS.labels.sum()
    assert set(weights[labels == 1]) == {1.0}
    legitimate = int((ROWS.labels == 0).sum())
    assert (labels == 0).sum() == pytest.approx(0.2 * legitimate, rel=0.05)
    assert weights[labels == 0].sum() == pytest.approx(legitimate, rel=0.05)


def test_sampled_negatives_leave_the_mean_score_at_the_fraud_rate() -> None:
    given = {**PARAMS, "negative_rate": 0.1, "rounds": 60, "history": "40d"}
    model = fit(ROWS, WINDOW, params=given, policy=TrainingPolicy(lightgbm={"members": 1}))
    # Without the weights it would be about eight times as high.
    assert model.predict(ROWS).mean() == pytest.approx(ROWS.labels.mean(), rel=0.2)


def test_a_history_is_the_end_of_the_train_window() -> None:
    chosen = select_rows(ROWS, WINDOW, params={**PARAMS, "history": "10d"}, seed=1)
    times = ROWS.metadata["event_time"].take(chosen.positions).to_pylist()
    assert day(30) <= min(times) < day(30.1)
    assert len(chosen.positions) == sum(
        t >= day(30) for t in ROWS.metadata["event_time"].to_pylist()
    )


def test_columns_that_hold_nothing_do_not_stop_a_fit() -> None:
    import pyarrow as pa

    from training.data.dataset import empty_columns

    table = make_rows(3_000)
    nothing = pa.nulls(table.num_rows, pa.float64())
    table = table.append_column("nothing", nothing).append_column("one", pa.array([1.0] * 3_000))
    kinds = {"amount": "numeric", "nothing": "numeric", "one": "numeric"}
    rows = as_rows(table, kinds)
    assert empty_columns(rows) == ["nothing", "one"]
    model = fit(rows, WINDOW, params=PARAMS, policy=TrainingPolicy(lightgbm={"members": 1}))
    assert set(model.booster.feature_importance()[1:]) == {0}
    assert np.isfinite(model.predict(rows)).all()
