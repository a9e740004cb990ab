"""One tree of a LightGBM model's text, checked before the library reads it.

The library trusts its file: arrays of other lengths than it says, children that are no nodes or
that lead back, and features that do not exist make it read elsewhere in memory or never end.
"""

import re
from itertools import pairwise

NUMBER = re.compile(rb"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
# Of figures that no score depends on: LightGBM writes these two where a division was by zero.
FIGURE = re.compile(rb"[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|inf|nan)")
# A split that only tells missing values from all others.
THRESHOLD = re.compile(rb"[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|inf)")
INTEGER = re.compile(rb"-?\d{1,18}")

NODE_FIGURES = ("split_gain", "internal_value", "internal_weight", "internal_count")
LEAF_FIGURES = ("leaf_weight", "leaf_count")
KEYS = frozenset({
    "num_leaves", "num_cat", "split_feature", "threshold", "decision_type", "left_child",
    "right_child", "leaf_value", "cat_boundaries", "cat_threshold", "is_linear", "shrinkage",
    *NODE_FIGURES, *LEAF_FIGURES,
})  # fmt: skip
OF_CATEGORIES = frozenset({"cat_boundaries", "cat_threshold"})

IS_CATEGORICAL = 1
# Bits: categorical, missing goes left, and two for none, zero or NaN as the missing value.
DECISION_TYPES = range(12)
UINT32 = range(2**32)


class TreeError(Exception):
    """The text is no tree of this model; says where and what it is instead."""


class TreeText:
    """The lines of a tree by their keys."""

    def __init__(self, text: bytes) -> None:
        """Split a tree's lines.

        Raises:
            TreeError: when a line has no known key, or one stands twice.
        """
        self._lines: dict[str, bytes] = {}
        for line in text.split(b"\n"):
            if not line:
                continue
            name, _, value = line.partition(b"=")
            key = name.decode("latin-1")
            if key not in KEYS or key in self._lines:
                raise TreeError("a line is none of a tree's, or stands twice")
            self._lines[key] = value

    def check(self, *, features: int) -> None:
        """Compare everything that a score depends on with what it refers to.

        Args:
            features: how many columns the model has.

        Raises:
            TreeError: at the first difference.
        """
        leaves = self._integer("num_leaves", range(1, len(self._values("leaf_value")) + 1))
        categorical = self._integer("num_cat", range(leaves))
        self._integer("is_linear", range(1))
        self._expect("shrinkage", 1, NUMBER)
        self._expect("leaf_value", leaves, NUMBER)
        for key in LEAF_FIGURES:
            # A tree of a single leaf is written without its weight.
            self._figures(key, leaves, may_be_empty=leaves == 1)
        for key in NODE_FIGURES:
            self._figures(key, leaves - 1, may_be_empty=False)
        self._integers("split_feature", leaves - 1, range(features))
        self._expect("threshold", leaves - 1, THRESHOLD)
        kinds = self._integers("decision_type", leaves - 1, DECISION_TYPES)
        self._check_children(leaves)
        self._check_categories(categorical, kinds)

    def _check_children(self, leaves: int) -> None:
        """Each node and each leaf is the child of one node, and nodes stand after their parents."""
        valid = range(-leaves, leaves - 1)
        children: list[int] = []
        for key in ("left_child", "right_child"):
            found = self._integers(key, leaves - 1, valid)
            if any(0 <= child <= node for node, child in enumerate(found)):
                raise TreeError(f"{key} leads back")
            children += found
        if leaves > 1 and sorted(children) != [*range(-leaves, 0), *range(1, leaves - 1)]:
            raise TreeError("a node or a leaf is the child of none, or of two")

    def _check_categories(self, categorical: int, kinds: list[int]) -> None:
        """Check categorical splits: a threshold numbers a set of categories, a bit for each."""
        splits = [at for at, kind in enumerate(kinds) if kind & IS_CATEGORICAL]
        if not categorical:
            if splits or self._lines.keys() & OF_CATEGORIES:
                raise TreeError("num_cat is 0 and there are categories")
            return
        bounds = self._integers("cat_boundaries", categorical + 1, UINT32)
        if bounds[0] != 0 or any(low >= high for low, high in pairwise(bounds)):
            raise TreeError("cat_boundaries do not ascend from 0")
        self._integers("cat_threshold", bounds[-1], UINT32)
        thresholds = self._values("threshold")
        for at in splits:
            if not INTEGER.fullmatch(thresholds[at]) or int(thresholds[at]) not in range(
                categorical
            ):
                raise TreeError(f"threshold {at} is the number of no set of categories")

    def _values(self, key: str) -> list[bytes]:
        value = self._lines.get(key)
        if value is None:
            raise TreeError(f"{key} is missing")
        return value.split(b" ") if value else []

    def _expect(self, key: str, count: int, pattern: re.Pattern[bytes]) -> list[bytes]:
        values = self._values(key)
        if len(values) != count:
            raise TreeError(f"{key} has {len(values)} values, expected {count}")
        if not all(map(pattern.fullmatch, values)):
            raise TreeError(f"{key} holds something else than numbers")
        return values

    def _figures(self, key: str, count: int, *, may_be_empty: bool) -> None:
        if key not in self._lines or (may_be_empty and not self._lines[key]):
            return
        self._expect(key, count, FIGURE)

    def _integers(self, key: str, count: int, valid: range) -> list[int]:
        values = list(map(int, self._expect(key, count, INTEGER)))
        if values and not (min(values) in valid and max(values) in valid):
            raise TreeError(f"{key} is not from {valid.start} to {valid.stop - 1}")
        return values

    def _integer(self, key: str, valid: range) -> int:
        (value,) = self._integers(key, 1, valid)
        return value
