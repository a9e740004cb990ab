"""A LightGBM model's text, checked before the library reads it.

The library ends the process, never returns, or scores with what lies beside its arrays, when the
text is not one that it wrote (seen with 4.6: random bytes after "tree", cuts, single bytes). So the
container takes only what LightGBM writes for a binary model: known lines, and trees that fit them.
"""

import re

from infra.serving.model.bundle import BundleError
from infra.serving.model.tree_text import TreeError, TreeText

FIRST_LINE = b"tree\n"
END = b"end of trees\n"
KEYS = frozenset({
    "version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective",
    "average_output", "feature_names", "monotone_constraints", "feature_infos", "tree_sizes",
})  # fmt: skip
# What a binary model says of itself.
FIXED = {"version": b"v4", "num_class": b"1", "num_tree_per_iteration": b"1", "label_index": b"0"}
COUNT = re.compile(rb"\d{1,9}")


class _DiffersError(Exception):
    """A place where the text is not what LightGBM writes."""


def check_model_text(text: bytes) -> None:
    """Refuse a text that LightGBM did not write for a model of one class.

    Raises:
        BundleError: naming the first place that differs.
    """
    try:
        head, trees = _split_head(text)
        lines = _read_head(head)
        features = _count_features(lines)
        _check_trees(trees, sizes=lines["tree_sizes"], features=features)
    except _DiffersError as difference:
        raise BundleError(
            f"The model's text is none that LightGBM writes for a binary model: {difference}. "
            "Train the model again, or deploy the registered version again."
        ) from None


def _split_head(text: bytes) -> tuple[bytes, bytes]:
    if not text.startswith(FIRST_LINE):
        raise _DiffersError('it does not begin with a line "tree"')
    if b"\x00" in text:
        raise _DiffersError("it holds a byte 0")
    head, gap, trees = text[len(FIRST_LINE) :].partition(b"\n\n")
    if not gap:
        raise _DiffersError("it ends in its first lines")
    return head, trees


def _read_head(head: bytes) -> dict[str, bytes]:
    lines: dict[str, bytes] = {}
    for line in head.split(b"\n"):
        name, _, value = line.partition(b"=")
        key = name.decode("latin-1")
        if key not in KEYS or key in lines:
            raise _DiffersError("one of its first lines is unknown or stands twice")
        lines[key] = value
    missing = KEYS - lines.keys() - {"average_output", "monotone_constraints"}
    if missing:
        raise _DiffersError(f"{', '.join(sorted(missing))} is missing")
    for key, value in FIXED.items():
        if lines[key] != value:
            raise _DiffersError(f"{key} is not {value.decode()}")
    if not lines["objective"].startswith(b"binary"):
        raise _DiffersError("objective is not binary")
    return lines


def _count_features(lines: dict[str, bytes]) -> int:
    features = len(lines["feature_names"].split(b" "))
    if lines["max_feature_idx"] != b"%d" % (features - 1):
        raise _DiffersError("max_feature_idx is not the number of feature_names less one")
    for key in ("feature_infos", "monotone_constraints"):
        if key in lines and len(lines[key].split(b" ")) != features:
            raise _DiffersError(f"{key} has another number of values than feature_names")
    return features


def _check_trees(trees: bytes, *, sizes: bytes, features: int) -> None:
    at = 0
    for number, size in enumerate(sizes.split(b" ")):
        if not COUNT.fullmatch(size):
            raise _DiffersError("tree_sizes holds something else than numbers")
        tree, first = trees[at : at + int(size)], b"Tree=%d\n" % number
        at += int(size)
        if len(tree) != int(size) or not tree.startswith(first):
            raise _DiffersError(f"tree {number} is not where tree_sizes says")
        try:
            TreeText(tree[len(first) :]).check(features=features)
        except TreeError as error:
            raise _DiffersError(f"tree {number}: {error}") from None
    if not trees.startswith(END, at):
        raise _DiffersError("more follows the trees than tree_sizes says, or it ends before")
