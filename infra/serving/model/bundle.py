"""The bundle: a folder with a LightGBM text model and the JSON that says how to use it.

Training, the container and the control plane write and read it here. There is no pickle in it, and
its digest covers every byte that decides a score, so two equal digests answer alike.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from infra.serving.model.manifest_checks import find_problems

FORMAT: Literal[3] = 3
MODEL_FILE = "model.txt"
MANIFEST_FILE = "bundle.json"

Value = float | str | None


class BundleError(Exception):
    """The folder is no bundle, or not the one that was written."""


class Feature(msgspec.Struct, frozen=True):
    """A column of the model.

    Attributes:
        categories: of a categorical feature, each scored as its index; all else is NaN.
    """

    name: str
    kind: Literal["numeric", "categorical"]
    categories: tuple[str, ...] = ()


class Threshold(msgspec.Struct, frozen=True):
    """A probability from `probability` on is an alert."""

    id: str
    probability: float


class Calibration(msgspec.Struct, frozen=True):
    """Map from a raw score to a probability; `infra.serving.model.calibration` does the arithmetic.

    Attributes:
        method: `isotonic` joins the knots by straight lines; `platt` is
            `1 / (1 + exp(-(slope * logit + intercept)))`; `identity` changes nothing.
        scores, values: the knots of `isotonic`, ascending, from (0, 0) to (1, 1).
    """

    method: Literal["identity", "isotonic", "platt"]
    scores: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    slope: float = 1.0
    intercept: float = 0.0


class GoldenVector(msgspec.Struct, frozen=True):
    """Features and what training computed for them.

    Attributes:
        score: as the model gives it, before calibration.
        probability: calibrated.
    """

    features: dict[str, Value]
    score: float
    probability: float


class Reference(msgspec.Struct, frozen=True):
    """Shares in training, for telling when what is served differs from them.

    Attributes:
        score_edges: between the bins of raw scores, ascending; an edge itself lies to its right.
        score_shares: of each bin, one more than the edges.
        alert_rate: share of rows that were alerts.
        missing: share of missing values by feature.
    """

    score_edges: tuple[float, ...]
    score_shares: tuple[float, ...]
    alert_rate: float
    missing: dict[str, float]


class Bundle(msgspec.Struct, frozen=True):
    """Content of `bundle.json`; features stand in the order of the model's columns.

    Attributes:
        kind: of the library that reads the model's text. The first one is not written, so that
            the digests of the bundles that were there before kinds stay.
    """

    format: Literal[3]
    name: str
    features: tuple[Feature, ...]
    threshold: Threshold
    calibration: Calibration
    reasons: dict[str, str]
    golden: tuple[GoldenVector, ...]
    reference: Reference
    model_sha256: str
    digest: str
    kind: Literal["lightgbm"] = "lightgbm"


def load_bundle(folder: Path, digest: str | None = None) -> Bundle:
    """Read a bundle and check both of its digests.

    Args:
        folder: where it is.
        digest: of the one that was deployed; None takes any that is whole.

    Raises:
        BundleError: when a file is missing or unreadable, or a digest differs.
    """
    try:
        manifest = (folder / MANIFEST_FILE).read_bytes()
        model = (folder / MODEL_FILE).read_bytes()
        bundle = msgspec.json.decode(manifest, type=Bundle)
        written = digest_of(manifest)
    except OSError as error:
        raise BundleError(
            f"{folder} is no bundle: {error}. It must hold {MODEL_FILE} and {MANIFEST_FILE}."
        ) from error
    except (ValueError, RecursionError) as error:
        # A ValueError is msgspec's, JSON's, of a text that is not UTF-8, or of endless digits.
        raise BundleError(
            f"{folder / MANIFEST_FILE} is not a bundle of format {FORMAT}: {error}. "
            "Train the model again with this version."
        ) from error
    _refuse_difference("model_sha256", bundle.model_sha256, hashlib.sha256(model).hexdigest())
    _refuse_difference("digest", bundle.digest, written)
    problems = find_problems(bundle)
    if problems:
        raise BundleError(
            f"{folder / MANIFEST_FILE} contradicts itself: {'; '.join(problems)}. "
            "Train the model again with this version."
        )
    if digest not in (None, bundle.digest):
        raise BundleError(
            f"The bundle in {folder} is not the one that was deployed: it has the digest "
            f"{bundle.digest[:12]}, and {str(digest)[:12]} was asked for. Somebody replaced the "
            "artefact; deploy the registered version again."
        )
    return bundle


def save_bundle(folder: Path, bundle: Bundle, *, model: bytes) -> Bundle:
    """Write a bundle into a folder that exists.

    Args:
        folder: receives `model.txt` and `bundle.json`.
        bundle: without its digests.
        model: LightGBM's text.

    Returns:
        The bundle with its digests.
    """
    bundle = msgspec.structs.replace(bundle, model_sha256=hashlib.sha256(model).hexdigest())
    digest = digest_of(_canonical(_manifest(bundle)))
    bundle = msgspec.structs.replace(bundle, digest=digest)
    (folder / MODEL_FILE).write_bytes(model)
    (folder / MANIFEST_FILE).write_bytes(_canonical(_manifest(bundle)))
    return bundle


def digest_of(manifest: bytes) -> str:
    """SHA-256 of the canonical JSON of a manifest without its own `digest`.

    Letters beyond ASCII stand as they are, otherwise than in `expectations.contract.digest_of`:
    digests of deployed bundles are recorded, and the image holds no other package of this code.

    >>> digest_of(b'{"digest": "x"}') == hashlib.sha256(b"{}").hexdigest()
    True
    """
    content = {key: value for key, value in json.loads(manifest).items() if key != "digest"}
    return hashlib.sha256(_canonical(content)).hexdigest()


def _manifest(bundle: Bundle) -> dict[str, Any]:
    """Plain content of `bundle.json`; only a categorical feature has categories."""
    manifest: dict[str, Any] = msgspec.to_builtins(bundle)
    if manifest["kind"] == "lightgbm":
        del manifest["kind"]
    for feature in manifest["features"]:
        if feature["kind"] == "numeric":
            del feature["categories"]
    return manifest


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def _refuse_difference(key: str, written: str, found: str) -> None:
    if written != found:
        raise BundleError(
            f"The bundle was changed after it was written: {key} says {written[:12]}, its content "
            f"has {found[:12]}. Deploy the registered version again."
        )
