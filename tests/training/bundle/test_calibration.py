import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss

from infra.serving.model import Calibration
from training.bundle.calibration import apply_calibration, fit_calibration


def draw(count: int = 20_000, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores that are twice too high in log odds, and labels of the true chances."""
    chance = np.random.default_rng(seed)
    truth = expit(chance.normal(-4, 1.5, count))
    labels = (chance.random(count) < truth).astype(np.int8)
    return expit(logit(truth) * 0.5), labels


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_calibrated_scores_are_the_shares_of_fraud(method: str) -> None:
    fitted = fit_calibration(*draw(), method=method)
    raw, labels = draw(seed=1)
    calibrated = apply_calibration(fitted, raw)
    assert fitted.method == method
    assert calibrated.mean() == pytest.approx(labels.mean(), rel=0.1)
    assert log_loss(labels, calibrated) < log_loss(labels, raw)


def test_platts_parameters_are_those_the_scores_were_bent_by() -> None:
    # The scores hold half the log odds, so the way back is a slope of 2 and no intercept.
    fitted = fit_calibration(*draw(200_000), method="platt")
    assert fitted.slope == pytest.approx(2, rel=0.03)
    assert fitted.intercept == pytest.approx(0, abs=0.1)


def test_rows_keep_their_order_where_plain_isotonic_regression_is_flat() -> None:
    raw, labels = draw(2_000)
    fitted = fit_calibration(raw, labels, method="isotonic")
    grid = np.linspace(0, 1, 5_001)
    assert (np.diff(apply_calibration(fitted, grid)) >= 0).all()
    assert len(np.unique(apply_calibration(fitted, np.unique(raw)))) == len(np.unique(raw))
    flat = IsotonicRegression().fit_transform(raw, labels)
    assert len(np.unique(flat)) < 100
    # At the centre of a block of scikit-learn's it is that block's value.
    block = flat == np.unique(flat)[3]
    assert apply_calibration(fitted, raw[block].mean(keepdims=True))[0] == pytest.approx(
        flat[block][0]
    )


@pytest.mark.parametrize(
    ("frauds", "expected"), [(0, "identity"), (9, "identity"), (10, "platt"), (50, "isotonic")]
)
def test_few_frauds_get_a_simpler_calibration(frauds: int, expected: str) -> None:
    raw = np.linspace(0.001, 0.9, 500)
    labels = np.zeros(500, np.int8)
    labels[500 - frauds :] = 1
    labels[100] = labels[499] if frauds > 1 else 0
    labels[499] = 0 if frauds > 1 else labels[499]
    assert fit_calibration(raw, labels, method="isotonic").method == expected


def test_only_frauds_or_a_model_turned_round_leave_scores_as_they_are() -> None:
    raw = np.linspace(0.1, 0.9, 40)
    assert fit_calibration(raw, np.ones(40, np.int8), method="isotonic") == Calibration("identity")
    falling = (raw < 0.5).astype(np.int8)
    assert fit_calibration(raw, falling, method="platt") == Calibration("identity")
