"""The parts of a bundle's manifest held against each other, before anything is scored with it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.serving.model.bundle import Bundle, Calibration, Feature, GoldenVector, Reference

MAX_SHOWN = 3


def find_problems(bundle: "Bundle") -> list[str]:
    """Each contradiction; empty when there is none."""
    names = [feature.name for feature in bundle.features]
    problems = [] if names else ["it has no features"]
    if len(set(names)) != len(names):
        problems.append("features have one name twice")
    if not math.isfinite(bundle.threshold.probability):
        problems.append("the threshold is no finite number")
    for feature in bundle.features:
        problems += _problems_of_feature(feature)
    problems += _problems_of_calibration(bundle.calibration)
    problems += _problems_of_reference(bundle.reference)
    kinds = {feature.name: feature.kind for feature in bundle.features}
    odd = [n for n, vector in enumerate(bundle.golden) if not _fits(vector, kinds)]
    if odd:
        problems.append(f"golden vectors {odd[:MAX_SHOWN]} have features of other names or types")
    return problems


def _problems_of_feature(feature: "Feature") -> Iterable[str]:
    if len(set(feature.categories)) != len(feature.categories):
        yield f"{feature.name} has a category twice"
    if feature.kind == "numeric" and feature.categories:
        yield f"{feature.name} is numeric and has categories"


def _problems_of_calibration(calibration: "Calibration") -> Iterable[str]:
    scores, values = calibration.scores, calibration.values
    if calibration.method == "platt":
        if not (math.isfinite(calibration.slope) and math.isfinite(calibration.intercept)):
            yield "slope and intercept are no finite numbers"
    elif calibration.method == "isotonic" and not (
        len(scores) == len(values) >= 2  # noqa: PLR2004 -- a line has two ends
        and _ascends(scores)
        and all(map(math.isfinite, (*scores, *values)))
    ):
        yield "the calibration's knots are not two or more, in pairs, with ascending scores"


def _problems_of_reference(reference: "Reference") -> Iterable[str]:
    edges, shares = reference.score_edges, reference.score_shares
    if len(shares) != len(edges) + 1 or not _ascends(edges):
        yield "the reference's edges do not ascend, or its shares are not one more"
    if not all(
        0.0 <= s <= 1.0 for s in (*shares, reference.alert_rate, *reference.missing.values())
    ):
        yield "a share of the reference is not from 0 to 1"


def _fits(vector: "GoldenVector", kinds: Mapping[str, str]) -> bool:
    return vector.features.keys() <= kinds.keys() and all(
        value is None or isinstance(value, str) == (kinds[name] == "categorical")
        for name, value in vector.features.items()
    )


def _ascends(numbers: Sequence[float]) -> bool:
    return all(low < high for low, high in pairwise(numbers))
