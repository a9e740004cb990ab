"""The champion's scores of a candidate's test rows, or the reason that it cannot be compared."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from expectations.contract import OvernightError
from pipelines.config import ModelSpec
from pipelines.modelling.bundles import fetch_verified
from pipelines.modelling.inputs import last_fold
from pipelines.tracking import AS_OF, CHAMPION, Registry, Version
from training.bundle import load_bundle
from training.data import Dataset, Fold
from training.evaluation import Candidate, score_rows


@dataclass(frozen=True, slots=True)
class Champion:
    """The champion while a candidate is evaluated.

    Attributes:
        model: with its scores of the candidate's rows; None when it cannot be compared.
        problem: the reason that it cannot be compared; empty when it can.
    """

    version: Version
    model: Candidate | None
    problem: str


def score_champion(
    registry: Registry, test: Dataset, *, run: str, spec: ModelSpec, fold: Fold
) -> Champion | None:
    """Score a candidate's rows with the champion; None without one, or if it is the candidate.

    Args:
        registry: of the spec.
        test: the candidate's test rows, with every column that a model may read.
        run: of the candidate.
        spec: of both models.
        fold: of the test window.
    """
    version = registry.find(CHAMPION)
    if version is None or version.run == run:
        return None
    known = last_fold(spec, version.tags[AS_OF]).train.end
    if known > fold.test.start:
        problem = (
            f"{version} was trained on rows up to {known:%Y-%m-%d}, which the test window "
            f"{fold.test} holds; choose a later as_of"
        )
        return Champion(version, None, problem)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            bundle = load_bundle(fetch_verified(registry, version, target=Path(scratch)))
            rows = bundle.recode(test)
            scores = bundle.predict(rows)
        except OvernightError as error:
            return Champion(version, None, f"{version} cannot score: {error}")
    against = score_rows(rows, scores, fold=fold, customer=spec.customer)
    return Champion(version, Candidate(bundle, against), "")
