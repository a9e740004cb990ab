"""Averages boosters into one: all their trees, each leaf divided by the number of boosters.

The sum of the new model's trees is the mean of their raw scores (log odds), so it is served
like any single model.
"""

from collections.abc import Sequence

import lightgbm as lgb
from lightgbm.basic import _LIB, _safe_call  # type: ignore[attr-defined]


def average_boosters(boosters: Sequence[lgb.Booster]) -> lgb.Booster:
    """Make one booster whose raw score is the mean of theirs.

    Args:
        boosters: at least one, of the same columns.
    """
    loaded = [lgb.Booster(model_str=each.model_to_string()) for each in boosters]
    merged = loaded[0]
    # LightGBM's C interface can append models; its Python package does not offer it.
    for other in loaded[1:]:
        _safe_call(_LIB.LGBM_BoosterMerge(merged._handle, other._handle))
    for tree, leaves in enumerate(_leaf_counts(merged)):
        for leaf in range(leaves):
            value = merged.get_leaf_output(tree, leaf)
            merged.set_leaf_output(tree, leaf, value / len(boosters))
    return lgb.Booster(model_str=merged.model_to_string())


def _leaf_counts(booster: lgb.Booster) -> list[int]:
    lines = booster.model_to_string().splitlines()
    return [int(line.partition("=")[2]) for line in lines if line.startswith("num_leaves=")]
