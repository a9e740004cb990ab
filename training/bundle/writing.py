"""Writes a fitted model as a bundle, and reads it back as one that scores rows.

`infra.serving.model` declares the format. Golden vectors carry the scores that training computed,
so whoever serves the bundle can prove that it answers alike; the reference says what training saw,
so whoever serves it can tell when that has changed.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from expectations.contract import OvernightError
from infra.serving import model as bundle_format
from infra.serving.model import BundleError, Calibration, Feature, GoldenVector, Reference
from training.bundle.calibration import apply_calibration
from training.data import Dataset, Encoding
from training.learners import LEARNERS, FittedModel

MAX_GOLDEN = 20


@dataclass(frozen=True, slots=True)
class Bundle:
    """A loaded bundle.

    Attributes:
        digest: SHA-256 of the canonical manifest, which holds the model's own.
        threshold: a probability from it on is an alert.
    """

    name: str
    digest: str
    threshold: float
    calibration: Calibration
    model: FittedModel

    def predict(self, rows: Dataset) -> npt.NDArray[np.float64]:
        """Calibrated fraud probabilities, one a row; of rows that any encoding was written for.

        Raises:
            InputError: naming the columns that the rows do not have.
        """
        return self.calibrate(self.model.predict(self.recode(rows)))

    def calibrate(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Probabilities, one a raw score."""
        return apply_calibration(self.calibration, scores)

    def recode(self, rows: Dataset) -> Dataset:
        """Rows as this model reads them.

        Raises:
            InputError: naming the columns that the rows do not have.
        """
        encoding = self.model.encoding
        return rows if rows.encoding == encoding else rows.recoded(encoding)


def write_bundle(
    folder: Path,
    *,
    name: str,
    model: FittedModel,
    calibration: Calibration,
    threshold: float,
    threshold_id: str,
    golden: Dataset,
    reference: Reference,
) -> Bundle:
    """Write a model and its manifest into a folder.

    Args:
        folder: receives `model.txt` and `bundle.json`.
        name: of the spec.
        model: the fitted model.
        calibration: what makes its raw scores probabilities.
        threshold: a probability from it on is an alert.
        threshold_id: says what the threshold was made from.
        golden: rows of which the first `MAX_GOLDEN` and their scores are kept.
        reference: what training saw.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = golden.take(range(min(len(golden), MAX_GOLDEN)))
    encoding = model.encoding
    content = bundle_format.Bundle(
        format=bundle_format.FORMAT,
        name=name,
        features=tuple(
            Feature(column, kind, tuple(encoding.categories.get(column, ())))
            for column, kind in encoding.columns.items()
        ),
        threshold=bundle_format.Threshold(threshold_id, threshold),
        calibration=calibration,
        reasons={n: n.replace("_", " ") for n in encoding.names},
        golden=_golden_vectors(kept, model.predict(kept), calibration),
        reference=reference,
        model_sha256="",
        digest="",
    )
    bundle_format.save_bundle(folder, content, model=model.save())
    return load_bundle(folder)


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle and check both of its digests.

    Raises:
        OvernightError: when a file is missing or not the one that was written.
    """
    try:
        content = bundle_format.load_bundle(folder)
    except BundleError as error:
        raise OvernightError(str(error)) from error
    encoding = Encoding(
        columns={feature.name: feature.kind for feature in content.features},
        categories={f.name: f.categories for f in content.features if f.kind == "categorical"},
    )
    text = (folder / bundle_format.MODEL_FILE).read_bytes()
    return Bundle(
        name=content.name,
        digest=content.digest,
        threshold=content.threshold.probability,
        calibration=content.calibration,
        model=LEARNERS[content.kind].load(text, encoding),
    )


def _golden_vectors(
    rows: Dataset, scores: npt.NDArray[np.float64], calibration: Calibration
) -> tuple[GoldenVector, ...]:
    kinds = rows.encoding.columns
    # A 32-bit number is the same as a double, so serving rounds it to the bits that were scored.
    read = {n: (rows.metadata if kinds[n] == "categorical" else rows.matrix)[n] for n in kinds}
    probabilities = apply_calibration(calibration, scores)
    return tuple(
        GoldenVector({name: _plain(value) for name, value in named.items()}, score, probability)
        for named, score, probability in zip(
            pa.table(read).to_pylist(), scores.tolist(), probabilities.tolist(), strict=True
        )
    )


def _plain(value: float | str | None) -> float | str | None:
    return None if isinstance(value, float) and np.isnan(value) else value
