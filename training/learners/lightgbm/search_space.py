"""Parameters that a trial draws, and those that a search starts from."""

from collections.abc import Mapping

import optuna

from expectations.contract import format_duration
from training.learners.learner import Params
from training.lightgbm_policy import Param
from training.policy import TrainingPolicy

MAX_BINS = (255, 1023, 4095)
SMALLEST_BINS = (1, 3)
NEGATIVE_RATES = (1.0, 0.2)

# Known to do well on fraud, whose rarity makes fine bins and no automatic intercept matter; a
# search of few trials starts from them.
KNOWN_GOOD: tuple[Mapping[str, Param], ...] = (
    {"max_bin": 1023, "min_data_in_bin": 1, "boost_from_average": False, "learning_rate": 0.1,
     "num_leaves": 15, "max_depth": 4, "min_data_in_leaf": 20, "min_sum_hessian_in_leaf": 0.001,
     "lambda_l1": 0.001, "lambda_l2": 1.0, "feature_fraction": 0.8, "bagging_fraction": 1.0,
     "negative_rate": 1.0},
    {"max_bin": 4095, "min_data_in_bin": 1, "boost_from_average": False, "learning_rate": 0.05,
     "num_leaves": 31, "max_depth": 6, "min_data_in_leaf": 30, "min_sum_hessian_in_leaf": 0.001,
     "lambda_l1": 0.001, "lambda_l2": 5.0, "feature_fraction": 0.5, "bagging_fraction": 0.8,
     "negative_rate": 0.2},
)  # fmt: skip


def suggest(trial: optuna.Trial, policy: TrainingPolicy) -> Params:
    """Draw params; what `policy.lightgbm` gives is not drawn. The number of trees is measured."""
    histories = [format_duration(length) for length in policy.searched_histories]
    given = policy.lightgbm.given
    params: dict[str, Param | str] = dict(given)
    if len(histories) == 1:
        params["history"] = histories[0]
    else:
        params["history"] = trial.suggest_categorical("history", histories)
    for name, choices in (
        ("max_bin", MAX_BINS),
        ("min_data_in_bin", SMALLEST_BINS),
        ("boost_from_average", (False, True)),
        ("negative_rate", NEGATIVE_RATES),
    ):
        if name not in given:
            params[name] = trial.suggest_categorical(name, choices)
    for name, low, high in (
        ("num_leaves", 4, 63),
        ("max_depth", 2, 8),
        ("min_data_in_leaf", 1, 300),
    ):
        if name not in given:
            params[name] = trial.suggest_int(name, low, high, log=name != "max_depth")
    for name, least, most in (
        ("learning_rate", 0.03, 0.3),
        ("min_sum_hessian_in_leaf", 1e-4, 10.0),
        ("lambda_l1", 1e-3, 10.0),
        ("lambda_l2", 1e-3, 100.0),
    ):
        if name not in given:
            params[name] = trial.suggest_float(name, least, most, log=True)
    for name in ("feature_fraction", "bagging_fraction"):
        if name not in given:
            params[name] = trial.suggest_float(name, 0.3, 1.0)
    return params


def starting_params(policy: TrainingPolicy) -> list[Params]:
    """Params that are tried first, as far as `policy.lightgbm` leaves them open."""
    longest = format_duration(policy.searched_histories[-1])
    is_searched = len(policy.searched_histories) > 1
    history: Params = {"history": longest} if is_searched else {}
    given = policy.lightgbm.given
    return [
        {**{k: v for k, v in params.items() if k not in given}, **history} for params in KNOWN_GOOD
    ]
