"""Scores rows with a loaded bundle, and proves on loading that it scores as training did."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from infra.serving.model.booster import Booster
from infra.serving.model.bundle import MODEL_FILE, Bundle, BundleError, load_bundle
from infra.serving.model.calibration import calibrate_with
from infra.serving.model.reasons import Explainer, Reason, ReasonsError
from infra.serving.model.row import Row
from infra.serving.model.signature import Instance, Signature, UnknownCategories

LISTED = 3
# Reasons take a hundred times as long as a score, and nothing else is answered meanwhile.
MAX_EXPLAINED = 1_000
TOO_MANY = f"reasons are given for {MAX_EXPLAINED:,} predictions of a request; send fewer instances"

# Which predictions carry reasons.
Reasons = Literal["alerts", "all", "none"]


class Prediction(msgspec.Struct, frozen=True):
    """The answer for one instance.

    Attributes:
        score: as the model gives it, before calibration.
        probability: calibrated; it decides.
        reasons: of an alert, what raised the score; else what moved it; None when not asked for.
        reasons_problem: why there are none although they were asked for.
    """

    score: float
    probability: float
    decision: Literal["alert", "pass"]
    threshold: str
    reasons: tuple[Reason, ...] | None = None
    reasons_problem: str | msgspec.UnsetType = msgspec.UNSET


class Scorer:
    """A bundle, its model and its signature."""

    def __init__(self, bundle: Bundle, booster: Booster) -> None:
        self.bundle = bundle
        self.signature = Signature(bundle.features)
        self._booster = booster
        self._explainer = Explainer(bundle, booster)
        self._calibrate = calibrate_with(bundle.calibration)

    def score(
        self, instances: list[Instance], *, unknown_categories: UnknownCategories = "refuse"
    ) -> list[Prediction]:
        """Score instances of named features, without reasons.

        Args:
            instances: every feature of each.
            unknown_categories: what becomes of a category that training did not see.

        Raises:
            RequestError: when they do not match the bundle's signature.
        """
        rows = self.signature.rows(instances, unknown_categories=unknown_categories)
        return self.predict(rows, reasons="none")

    def predict(self, rows: list[Row], *, reasons: Reasons) -> list[Prediction]:
        """Score rows, with reasons for those that `reasons` names."""
        threshold = self.bundle.threshold
        predict, calibrate = self._booster.predict, self._calibrate
        explained = {"alerts": ("alert",), "all": ("alert", "pass"), "none": ()}[reasons]
        explained_count = 0
        predictions = []
        for row in rows:
            score = predict(row.numbers)
            probability = calibrate(score)
            decision: Literal["alert", "pass"] = (
                "alert" if probability >= threshold.probability else "pass"
            )
            prediction = Prediction(score, probability, decision, threshold.id)
            if decision in explained:
                explained_count += 1
                if explained_count <= MAX_EXPLAINED:
                    prediction = self._explain(prediction, row)
                else:
                    prediction = msgspec.structs.replace(prediction, reasons_problem=TOO_MANY)
            predictions.append(prediction)
        return predictions

    def _explain(self, prediction: Prediction, row: Row) -> Prediction:
        """Add reasons, or why there are none: a payment waits for the score in any case."""
        is_alert = prediction.decision == "alert"
        explain: Callable[[bytes], tuple[Reason, ...]] = (
            self._explainer.reasons_for_alert if is_alert else self._explainer.reasons
        )
        try:
            return msgspec.structs.replace(prediction, reasons=explain(row.numbers))
        except ReasonsError as error:
            return msgspec.structs.replace(prediction, reasons_problem=str(error))

    def explain_golden(self) -> None:
        """Give reasons for each golden vector: what a request could make the library do."""
        rows = [self.signature.golden_row(vector.features) for vector in self.bundle.golden]
        self.predict(rows, reasons="all")

    def differences(self) -> list[str]:
        """List the golden vectors that this machine scores otherwise than training did."""
        found = []
        for number, vector in enumerate(self.bundle.golden):
            score = self._booster.predict(self.signature.golden_row(vector.features).numbers)
            here, then = (score, self._calibrate(score)), (vector.score, vector.probability)
            if here != then:
                found.append(f"golden[{number}]: training {then!r}, here {here!r}")
        return found


def load_scorer(folder: Path, digest: str | None = None) -> Scorer:
    """Load a bundle from a folder; arguments as of `load_bundle`.

    Raises:
        BundleError: when it is not whole, or a golden vector scores otherwise than in training.
    """
    bundle = load_bundle(folder, digest)
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
