"""The bundle: LightGBM's text and the JSON that says how to score with it. No pickle.

The digest covers every byte that decides a score. Golden vectors carry the scores that training
computed, so whoever serves the bundle can prove that it answers alike; the reference says what
training saw, so whoever serves it can tell when that has changed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from expectations.contract import AttributeKind, OvernightError
from training.bundle.calibration import Calibration
from training.bundle.reference import Reference
from training.data import Encoding, Rows
from training.learners.lightgbm import FittedModel

FORMAT = 3
MODEL_FILE = "model.txt"
MANIFEST_FILE = "bundle.json"
MAX_GOLDEN = 20

Manifest = dict[str, object]


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

    def predict(self, rows: Rows) -> npt.NDArray[np.float64]:
        """Calibrated fraud probabilities, one a row; of rows that any encoding was written for.

        Raises:
            InputError: naming the columns that the rows do not have.
        """
        return self.calibration.apply(self.model.predict(self.recode(rows)))

    def recode(self, rows: Rows) -> Rows:
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
    golden: Rows,
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
    text = model.text.encode()
    (folder / MODEL_FILE).write_bytes(text)
    kept = golden.take(range(min(len(golden), MAX_GOLDEN)))
    manifest: Manifest = {
        "format": FORMAT,
        "name": name,
        "features": [
            _describe(n, kind, model.encoding) for n, kind in model.encoding.columns.items()
        ],
        "threshold": {"id": threshold_id, "probability": threshold},
        "calibration": asdict(calibration),
        "reasons": {n: n.replace("_", " ") for n in model.encoding.names},
        "model_sha256": hashlib.sha256(text).hexdigest(),
        "golden": _golden_vectors(kept, model.predict(kept), calibration),
        "reference": asdict(reference),
    }
    manifest["digest"] = hashlib.sha256(_canonical(manifest)).hexdigest()
    (folder / MANIFEST_FILE).write_bytes(_canonical(manifest))
    return load_bundle(folder)


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle and check both of its digests.

    Raises:
        OvernightError: when a file is missing or not the one that was written.
    """
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_bytes())
        text = (folder / MODEL_FILE).read_bytes()
    except (OSError, ValueError) as error:
        raise OvernightError(
            f"{folder} is no bundle: {error}. It must hold {MODEL_FILE} and {MANIFEST_FILE}; "
            "train again."
        ) from error
    if manifest.get("format") != FORMAT:
        raise OvernightError(
            f"The bundle in {folder} has the format {manifest.get('format')}, and this version "
            f"reads {FORMAT}. Train again and register the new run."
        )
    content = {key: value for key, value in manifest.items() if key != "digest"}
    found = hashlib.sha256(text).hexdigest(), hashlib.sha256(_canonical(content)).hexdigest()
    if found != (manifest.get("model_sha256"), manifest.get("digest")):
        raise OvernightError(
            f"The bundle in {folder} was changed after it was written: its digests differ. "
            "Train again and register the new run."
        )
    return _parse(manifest, lgb.Booster(model_str=text.decode()))


def _parse(manifest: Mapping[str, Any], booster: lgb.Booster) -> Bundle:
    described: dict[str, Any] = dict(manifest["calibration"])
    described |= {name: tuple(described[name]) for name in ("scores", "values")}
    encoding = Encoding(
        columns={f["name"]: f["kind"] for f in manifest["features"]},
        categories={
            f["name"]: tuple(f["categories"])
            for f in manifest["features"]
            if f["kind"] == "categorical"
        },
    )
    return Bundle(
        name=manifest["name"],
        digest=manifest["digest"],
        threshold=manifest["threshold"]["probability"],
        calibration=Calibration(**described),
        model=FittedModel(booster, encoding),
    )


def _describe(name: str, kind: AttributeKind, encoding: Encoding) -> Mapping[str, object]:
    described: Manifest = {"name": name, "kind": kind}
    if kind == "categorical":
        described["categories"] = list(encoding.categories[name])
    return described


def _golden_vectors(
    rows: Rows, scores: npt.NDArray[np.float64], calibration: Calibration
) -> list[Mapping[str, object]]:
    kinds = rows.encoding.columns
    # A 32-bit number is the same as a double, so serving rounds it to the bits that were scored.
    read = {n: (rows.facts if kinds[n] == "categorical" else rows.matrix)[n] for n in kinds}
    probabilities = calibration.apply(scores)
    return [
        {
            "features": {name: _plain(value) for name, value in named.items()},
            "score": score,
            "probability": probability,
        }
        for named, score, probability in zip(
            pa.table(read).to_pylist(), scores.tolist(), probabilities.tolist(), strict=True
        )
    ]


def _plain(value: float | str | None) -> float | str | None:
    return None if isinstance(value, float) and np.isnan(value) else value


def _canonical(manifest: Manifest) -> bytes:
    return json.dumps(
        manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
