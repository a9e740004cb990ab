"""Changed results need another LEARNER_VERSION, which decides what studies and runs are reused."""

from collections.abc import Iterator

import pytest

from tests.training.learner_results import compute_results, read_results
from training.learner_version import LEARNER_VERSION

TOLERANCE = 1e-6
REMEDY = (
    "The learning procedure gives other results than version {} did. If that is wanted, raise "
    "LEARNER_VERSION in training/learner_version.py, so that no study or run of before is reused, "
    'and run "python -m tests.training.learner_results".'
)


def differences(expected: object, found: object, at: str = "results") -> Iterator[str]:
    """Places where two trees of numbers and texts differ by more than the tolerance."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            if key in expected and key in found:
                yield from differences(expected[key], found[key], f"{at}.{key}")
            else:
                yield f"{at}.{key} is in one only"
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, pair in enumerate(zip(expected, found, strict=True)):
            yield from differences(*pair, f"{at}[{number}]")
    elif isinstance(expected, float) and isinstance(found, int | float):
        if found != pytest.approx(expected, rel=TOLERANCE, abs=TOLERANCE):
            yield f"{at}: {expected!r} became {found!r}"
    elif expected != found:
        yield f"{at}: {expected!r} became {found!r}"


def test_equal_rows_and_policy_give_the_results_of_this_learner_version() -> None:
    held = read_results()
    assert str(LEARNER_VERSION) in held, 'Run "python -m tests.training.learner_results".'
    found = list(differences(held[str(LEARNER_VERSION)], compute_results()))
    assert not found, "\n".join([REMEDY.format(LEARNER_VERSION), *found])


def test_every_version_up_to_this_one_has_its_results() -> None:
    assert read_results().keys() == {str(n) for n in range(1, LEARNER_VERSION + 1)}


def test_differences_are_found_in_texts_lengths_keys_and_numbers() -> None:
    one = {"a": [1.0, 2.0], "b": {"c": "x", "d": 3}}
    assert list(differences(one, {"a": [1.0, 2.0 + 1e-9], "b": {"c": "x", "d": 3}})) == []
    other = {"a": [1.0, 2.1], "b": {"c": "y"}}
    assert list(differences(one, other)) == [
        "results.a[1]: 2.0 became 2.1", "results.b.c: 'x' became 'y'", "results.b.d is in one only",
    ]  # fmt: skip
    assert list(differences([1.0], [1.0, 2.0])) == ["results: [1.0] became [1.0, 2.0]"]
