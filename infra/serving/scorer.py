"""Scores rows with a loaded bundle, and proves on loading that it scores as training did."""

from dataclasses import dataclass
from pathlib import Path

from infra.serving.booster import Booster
from infra.serving.bundle import MODEL_FILE, Bundle, BundleError, load_bundle
from infra.serving.calibration import calibrate_with
from infra.serving.signature import Signature

LISTED = 3


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one instance."""

    score: float
    decision: str
    threshold: str


class Scorer:
    """A bundle, its model and its signature."""

    def __init__(self, bundle: Bundle, booster: Booster) -> None:
        self.bundle = bundle
        self._booster = booster
        self._signature = Signature(bundle.features)
        self._calibrate = calibrate_with(bundle.calibration)

    def score(self, instances: list[dict[str, object]]) -> list[Prediction]:
        """Score instances of named features.

        Raises:
            RequestError: when they do not match the bundle's signature.
        """
        return [self._decide(self._score(row)) for row in self._signature.rows(instances)]

    def _score(self, row: list[float]) -> float:
        return self._calibrate(self._booster.predict(row))

    def _decide(self, score: float) -> Prediction:
        threshold = self.bundle.threshold
        decision = "alert" if score >= threshold.score else "pass"
        return Prediction(score=score, decision=decision, threshold=threshold.id)

    def differences(self) -> list[str]:
        """Where this machine scores a golden vector otherwise than training did."""
        found = []
        for number, vector in enumerate(self.bundle.golden):
            score = self._score(self._signature.golden_row(vector.features))
            if score != vector.score:
                found.append(f"golden[{number}]: training {vector.score!r}, here {score!r}")
        return found


def load_scorer(folder: Path) -> Scorer:
    """Load a bundle from a folder.

    Raises:
        BundleError: when it is not whole, or a golden vector scores otherwise than in training.
    """
    bundle = load_bundle(folder)
    booster = Booster(folder / MODEL_FILE)
    if booster.width != len(bundle.features):
        raise BundleError(
            f"The model has {booster.width} columns and the bundle names {len(bundle.features)} "
            "features. Deploy the registered version again."
        )
    scorer = Scorer(bundle, booster)
    differences = scorer.differences()
    if differences:
        raise BundleError(
            f"{len(differences)} of {len(bundle.golden)} golden vectors score otherwise than in "
            f"training: {'; '.join(differences[:LISTED])}. "
            "Compare the LightGBM versions, then train again."
        )
    return scorer
