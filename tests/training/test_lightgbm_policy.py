"""`[training.lightgbm]`: what is refused, what is given, and where its keys stood before."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from expectations.contract import OvernightError
from pipelines.config import load_spec
from training.lightgbm_policy import LightGBMPolicy


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"max_bin": 14}, "greater than or equal to 15"),
        ({"rounds": 10_001}, "less than or equal to 10000"),
        ({"num_leaves": 3.5}, "valid integer"),
        ({"num_leaves": True}, "valid integer"),
        ({"learning_rate": True}, "valid number"),
        ({"learning_rate": 0}, "greater than or equal to 0.0001"),
        ({"feature_fraction": "0.5"}, "valid number"),
        ({"boost_from_average": 1}, "valid boolean"),
        ({"members": 0}, "greater than or equal to 1"),
        ({"bins": 3}, "Extra inputs are not permitted"),
    ],
)
def test_a_value_that_lightgbm_would_refuse_is_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        LightGBMPolicy(**given)


def test_only_what_was_given_is_not_searched() -> None:
    assert LightGBMPolicy().given == {}
    policy = LightGBMPolicy(members=5, max_bin=63, lambda_l2=1, boost_from_average=False)
    assert policy.given == {"max_bin": 63, "lambda_l2": 1.0, "boost_from_average": False}


def test_one_run_may_change_a_parameter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OVERNIGHT_HOME", str(tmp_path))
    spec = load_spec("demo?training.lightgbm.max_bin=63&training.lightgbm.members=2")
    assert spec.training.lightgbm == LightGBMPolicy(members=2, max_bin=63)


def test_keys_of_before_are_refused_with_their_new_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OVERNIGHT_HOME", str(tmp_path))
    with pytest.raises(OvernightError) as refused:
        load_spec("demo?training.members=2&training.params.max_bin=63")
    told = str(refused.value)
    assert "training.members: stands in [training.lightgbm] now; move it there" in told
    assert "training.params: stands in [training.lightgbm] now; move its keys there" in told
