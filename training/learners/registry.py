"""Learners by the kind that the manifest of a bundle names."""

from collections.abc import Mapping

from training.learners.learner import Learner
from training.learners.lightgbm import LightGBM

LEARNERS: Mapping[str, Learner] = {learner.kind: learner for learner in (LightGBM(),)}
DEFAULT = "lightgbm"


def default_learner() -> Learner:
    """Return the learner of every spec, until a spec can name another."""
    return LEARNERS[DEFAULT]
