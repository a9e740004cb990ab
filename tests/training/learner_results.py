"""Results of the learning procedure on fixed rows, by the number of its version.

`python -m tests.training.learner_results` adds those of a raised `LEARNER_VERSION` to the file.
"""

import json
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import numpy as np

from tests.training.frames import as_rows, day, make_rows
from training.bundle import apply_calibration, choose_threshold, fit_calibration
from training.data import holdout, test_rows, validation_folds
from training.learner_version import LEARNER_VERSION
from training.learners import default_learner, score_baseline, score_out_of_fold
from training.policy import TrainingPolicy
from training.search import tune
from training.search.study import finished, open_study, value_of

FILE = Path(__file__).with_name("learner_results.json")
POLICY = TrainingPolicy(
    train_window="14d",
    gap="2d",
    test_window="5d",
    folds=2,
    trials=6,
    threads=1,
    lightgbm={"members": 2},
)
SHOWN_ROWS = 12

Results = dict[str, object]


def compute_results() -> Results:
    """Search, fit, calibrate, choose the threshold, and fit the baseline on 3,000 fixed rows."""
    rows = as_rows(make_rows(3_000))
    fold = holdout(day(40), POLICY, maturity=timedelta(days=2))
    folds = validation_folds(fold, POLICY)
    with tempfile.TemporaryDirectory() as folder:
        storage = f"sqlite:///{folder}/studies.db"
        best = tune(rows, folds=folds, policy=POLICY, storage=storage, study="fixed")
        with open_study(storage, "fixed") as study:
            trials = [
                {"state": t.state.name, "value": max(value_of(t), -1.0), "params": t.params}
                for t in finished(study)
            ]
    learner = default_learner()
    unseen = score_out_of_fold(
        rows, folds=folds, params=best.params, policy=POLICY, learner=learner
    )
    calibration = fit_calibration(unseen.scores, unseen.labels, method="isotonic")
    chances = apply_calibration(calibration, unseen.scores)
    sigmoid = fit_calibration(unseen.scores, unseen.labels, method="platt")
    model = learner.fit(rows, fold.train, params=best.params, policy=POLICY)
    train, test = rows.within(fold.train), test_rows(rows, fold, POLICY)
    shown = np.linspace(0, len(test) - 1, SHOWN_ROWS).astype(int)
    return {
        "trials": trials,
        "best": dict(best.params),
        "scores": model.predict(test)[shown].tolist(),
        "probabilities": apply_calibration(calibration, model.predict(test))[shown].tolist(),
        "calibration": {
            "knots": len(calibration.scores), "values": list(calibration.values),
            "slope": sigmoid.slope, "intercept": sigmoid.intercept,
        },
        "thresholds": {
            name: choose_threshold(
                chances, unseen.labels, unseen.amounts, unseen.days,
                policy=POLICY.model_copy(update={"threshold": name}),
            )
            for name in ("alert_rate", "false_positive_rate", "cost")
        },
        "baseline": score_baseline(train, test, policy=POLICY)[shown].tolist(),
    }  # fmt: skip


def read_results() -> dict[str, Results]:
    """Results by the number of the version, as they were written."""
    read: dict[str, Results] = json.loads(FILE.read_text(encoding="utf-8"))
    return read


def main() -> int:
    """Add the results of this version; those of a version that is there stay as they are."""
    held = read_results() if FILE.exists() else {}
    if str(LEARNER_VERSION) in held:
        sys.stderr.write(f"{FILE.name} holds version {LEARNER_VERSION}. Raise LEARNER_VERSION.\n")
        return 1
    held[str(LEARNER_VERSION)] = compute_results()
    FILE.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
