"""The bundle: LightGBM's text and the JSON that says how to score with it. No pickle.

The digest covers every byte that decides a score. Golden vectors carry the scores that training
computed, so whoever serves the bundle can prove that it answers alike.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from expectations.contract import AttributeKind, OvernightError
from training.fitting import FittedModel
from training.matrix import Encoding

FORMAT = 1
MODEL_FILE = "model.txt"
MANIFEST_FILE = "bundle.json"
MAX_GOLDEN = 20

Manifest = dict[str, object]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A loaded bundle.

    Attributes:
        digest: SHA-256 of the canonical manifest, which holds the model's own.
        threshold: a score from it on is an alert.
    """

    name: str
    digest: str
    threshold: float
    booster: lgb.Booster
    encoding: Encoding

    def predict(self, rows: pa.Table) -> npt.NDArray[np.float64]:
        """Fraud probabilities, one a row."""
        return FittedModel(self.booster, self.encoding).predict(rows)


def write_bundle(
    folder: Path,
    *,
    name: str,
    model: FittedModel,
    threshold: float,
    threshold_id: str,
    golden: pa.Table,
) -> Bundle:
    """Write a model and its manifest into a folder.

    Args:
        folder: receives `model.txt` and `bundle.json`.
        name: of the spec.
        model: the fitted model.
        threshold: a score from it on is an alert.
        threshold_id: says what the threshold was made from.
        golden: at most `MAX_GOLDEN` rows whose scores are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = model.booster.model_to_string().encode()
    (folder / MODEL_FILE).write_bytes(text)
    manifest: Manifest = {
        "format": FORMAT,
        "name": name,
        "features": [
            _describe(n, kind, model.encoding) for n, kind in model.encoding.columns.items()
        ],
        "threshold": {"id": threshold_id, "score": threshold},
        "calibration": {"method": "identity"},
        "reasons": {n: n.replace("_", " ") for n in model.encoding.names},
        "model_sha256": hashlib.sha256(text).hexdigest(),
        "golden": _golden_vectors(golden.slice(0, MAX_GOLDEN), model),
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
    content = {key: value for key, value in manifest.items() if key != "digest"}
    found = hashlib.sha256(text).hexdigest(), hashlib.sha256(_canonical(content)).hexdigest()
    if found != (manifest.get("model_sha256"), manifest.get("digest")):
        raise OvernightError(
            f"The bundle in {folder} was changed after it was written: its digests differ. "
            "Train again and register the new run."
        )
    return Bundle(
        name=manifest["name"],
        digest=manifest["digest"],
        threshold=manifest["threshold"]["score"],
        booster=lgb.Booster(model_str=text.decode()),
        encoding=Encoding(
            columns={f["name"]: f["kind"] for f in manifest["features"]},
            categories={
                f["name"]: tuple(f["categories"])
                for f in manifest["features"]
                if f["kind"] == "categorical"
            },
        ),
    )


def _describe(name: str, kind: AttributeKind, encoding: Encoding) -> Mapping[str, object]:
    described: Manifest = {"name": name, "kind": kind}
    if kind == "categorical":
        described["categories"] = list(encoding.categories[name])
    return described


def _golden_vectors(rows: pa.Table, model: FittedModel) -> list[Mapping[str, object]]:
    scores = model.predict(rows)
    encoded = model.encoding.encode(rows)
    vectors: list[Mapping[str, object]] = []
    for row, numbers, score in zip(rows.to_pylist(), encoded, scores, strict=True):
        features = {
            name: row[name] if kind == "categorical" else _plain(number)
            for (name, kind), number in zip(model.encoding.columns.items(), numbers, strict=True)
        }
        vectors.append({"features": features, "score": float(score)})
    return vectors


def _plain(number: float) -> float | None:
    return None if np.isnan(number) else float(number)


def _canonical(manifest: Manifest) -> bytes:
    return json.dumps(
        manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
