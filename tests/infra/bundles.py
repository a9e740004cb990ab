"""Makes small bundles with LightGBM itself, as training would write them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np

CHANNELS = ["app", "pos", "web"]
NUMERIC = ["amount", "customer_amount_mean_7d", "terminal_fraud_rate_28d"]

# Halves by score, every tenth value missing: about what `make_instances` gives.
REFERENCE = {
    "score_edges": [0.5],
    "score_shares": [0.5, 0.5],
    "alert_rate": 0.5,
    "missing": {**dict.fromkeys(NUMERIC, 0.1), "channel": 0.4},
}

Features = dict[str, float | str | None]


@dataclass(frozen=True, slots=True)
class MadeBundle:
    """A bundle's folder and the booster inside, as the oracle of its scores."""

    folder: Path
    booster: lightgbm.Booster
    digest: str

    def expected(self, instances: list[Features]) -> list[float]:
        """What `lightgbm.Booster.predict` says."""
        return [float(s) for s in self.booster.predict(np.array([row_of(i) for i in instances]))]


def make_bundle(
    folder: Path,
    *,
    seed: int = 1,
    golden_shift: float = 0.0,
    change_model: Callable[[str], str] = str,
) -> MadeBundle:
    """Train on noise and write a bundle.

    Args:
        folder: receives it.
        seed: of the noise.
        golden_shift: spoils its golden scores.
        change_model: changes the model's text before its digest is taken.
    """
    folder.mkdir(parents=True)
    booster = _fit(seed)
    (folder / "model.txt").write_text(change_model(booster.model_to_string()))
    golden = make_instances(8, seed=seed + 100)
    scores = booster.predict(np.array([row_of(i) for i in golden]))
    manifest = {
        "format": 3,
        "name": "demo",
        "features": [
            *({"name": name, "kind": "numeric"} for name in NUMERIC),
            {"name": "channel", "kind": "categorical", "categories": CHANNELS},
        ],
        "threshold": {"id": "alert-budget-1.0%", "probability": 0.5},
        "calibration": {"method": "identity"},
        "reasons": {"amount": "montant élevé"},
        "model_sha256": hashlib.sha256((folder / "model.txt").read_bytes()).hexdigest(),
        "golden": [
            {"features": features, "score": shifted, "probability": shifted}
            for features, shifted in zip(golden, (scores + golden_shift).tolist(), strict=True)
        ],
        "reference": REFERENCE,
    }
    digest = hashlib.sha256(_canonical(manifest)).hexdigest()
    (folder / "bundle.json").write_bytes(_canonical({**manifest, "digest": digest}))
    return MadeBundle(folder, booster, digest)


def make_instances(count: int, *, seed: int) -> list[Features]:
    """Named features with nulls, unknown categories and numbers of every size."""
    rng = np.random.default_rng(seed)
    instances: list[Features] = []
    for _ in range(count):
        instance: Features = {
            name: None if rng.random() < 0.1 else float(rng.normal() * 10.0 ** rng.integers(-3, 4))
            for name in NUMERIC
        }
        instance["channel"] = [*CHANNELS, "fax", None][rng.integers(0, 5)]
        instances.append(instance)
    return instances


def _fit(seed: int) -> lightgbm.Booster:
    rng = np.random.default_rng(seed)
    rows = np.column_stack(
        [rng.normal(size=(600, 3)) * [1, 10, 100], rng.integers(0, 3, 600).astype(float)]
    )
    rows[rng.random(rows.shape) < 0.1] = np.nan
    labels = (np.nan_to_num(rows[:, 0]) + rng.normal(size=600) > 0.5).astype(float)
    data = lightgbm.Dataset(rows, labels, categorical_feature=[3])
    parameters = {
        "objective": "binary", "num_leaves": 7, "seed": seed, "verbosity": -1, "num_threads": 1,
        "min_data_in_leaf": 5, "min_data_per_group": 5,
    }  # fmt: skip
    return lightgbm.train(parameters, data, num_boost_round=20)


def row_of(features: Features) -> list[float]:
    numbers = [np.nan if features[n] is None else float(features[n]) for n in NUMERIC]  # type: ignore[arg-type]
    channel = features["channel"]
    return [*numbers, float(CHANNELS.index(channel)) if channel in CHANNELS else np.nan]  # type: ignore[arg-type]


def _canonical(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
