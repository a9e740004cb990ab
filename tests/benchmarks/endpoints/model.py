"""The model that both servers serve, and requests for it: 200 trees, 31 leaves, 60 features."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training.bundle.calibration import apply_calibration, fit_calibration
from training.bundle.reference import build_reference
from training.bundle.writing import write_bundle
from training.data.dataset import LABEL, Dataset
from training.data.encoding import Encoding
from training.learners.lightgbm.fit import LightGBMModel

TREES, LEAVES, FEATURES = 200, 31, 60
TRAIN_ROWS, REQUESTS = 100_000, 2_000
# Of the rows asked for as many are alerts as a policy's default alert rate says.
ALERT_RATE = 0.005
SEED = 11

NAMES = [f"feature_{number:02d}" for number in range(FEATURES)]
Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Made:
    """Where the parts lie.

    Attributes:
        bundle: what the container reads.
        mlflow: what MLflow's server reads.
        requests: rows in the order in which they are asked.
        scores: of the requests, by `lightgbm.Booster.predict`.
    """

    bundle: Path
    mlflow: Path
    requests: list[dict[str, float]]
    scores: list[float]


def make_model(folder: Path) -> Made:
    """Train on noise with a signal and write both forms; the same bytes every time."""
    random = np.random.default_rng(SEED)
    matrix = _numbers(random, TRAIN_ROWS)
    chance = matrix[:, :12].sum(axis=1) + random.normal(scale=2, size=TRAIN_ROWS)
    labels = (chance > np.quantile(chance, 0.98)).astype(np.int8)
    parameters = {
        "objective": "binary", "num_leaves": LEAVES, "learning_rate": 0.05, "seed": SEED,
        "deterministic": True, "force_row_wise": True, "num_threads": 2, "verbosity": -1,
    }  # fmt: skip
    booster = lgb.train(parameters, lgb.Dataset(matrix, labels, feature_name=NAMES), TREES)
    asked = _numbers(random, REQUESTS)
    _write_bundle(folder / "bundle", booster, matrix, labels)
    _save_mlflow(folder / "mlflow", booster, asked[:5])
    requests = [dict(zip(NAMES, row, strict=True)) for row in asked.tolist()]
    return Made(folder / "bundle", folder / "mlflow", requests, booster.predict(asked).tolist())


def _numbers(random: np.random.Generator, rows: int) -> Matrix:
    """Numbers with few digits, as amounts and counts have, and the same in 32 and 64 bits."""
    drawn = np.round(random.normal(size=(rows, FEATURES)) * 64) / 64
    return drawn.astype(np.float32)


def _write_bundle(
    folder: Path, booster: lgb.Booster, matrix: Matrix, labels: npt.NDArray[np.int8]
) -> None:
    encoding = Encoding(columns=dict.fromkeys(NAMES, "numeric"), categories={})
    table = pa.table(dict(zip(NAMES, matrix.T, strict=True)))
    start = datetime(2026, 1, 1, tzinfo=UTC)
    times = [start + timedelta(seconds=number) for number in range(len(labels))]
    metadata = pa.table({"event_time": pa.array(times), LABEL: labels})
    rows = Dataset(matrix=table, metadata=metadata, encoding=encoding)
    model = LightGBMModel(booster, encoding)
    scores = model.predict(rows)
    calibration = fit_calibration(scores, labels, method="isotonic")
    chances = apply_calibration(calibration, scores)
    threshold = float(np.quantile(chances, 1 - ALERT_RATE))
    write_bundle(
        folder,
        name="bench",
        model=model,
        calibration=calibration,
        threshold=threshold,
        threshold_id=f"alert_rate_{ALERT_RATE}",
        golden=rows.take(range(20)),
        reference=build_reference(scores, chances, threshold=threshold, matrix=table),
    )


def _save_mlflow(folder: Path, booster: lgb.Booster, example: Matrix) -> None:
    import mlflow
    import pandas as pd
    from mlflow.models import infer_signature

    if folder.exists():
        return
    shown = pd.DataFrame(example.astype(np.float64), columns=NAMES)
    signature = infer_signature(shown, booster.predict(shown))
    mlflow.lightgbm.save_model(booster, folder, signature=signature)


def write_script(path: Path, *, route: str, bodies: list[dict[str, object]]) -> Path:
    """A script of wrk that posts these bodies in turn and prints one line of results."""
    quoted = ",\n".join(f"[==[{json.dumps(body)}]==]" for body in bodies)
    path.write_text(
        f"""local bodies = {{\n{quoted}\n}}
local requests = {{}}
local turn = 0
function init(arguments)
  local headers = {{["Content-Type"] = "application/json"}}
  for number, body in ipairs(bodies) do
    requests[number] = wrk.format("POST", "{route}", headers, body)
  end
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), failed))
end
"""
    )
    return path
