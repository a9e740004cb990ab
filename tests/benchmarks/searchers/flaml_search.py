"""FLAML's AutoML over LightGBM, in an environment of its own (`flaml.lock`)."""

import sys
import time
from pathlib import Path

import numpy as np
from arrays import Arrays, load, save_scores
from flaml import AutoML
from flaml.automl.model import LGBMEstimator


class Prequential:
    """The validation folds as scikit-learn's splitter."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays

    def get_n_splits(self, *_: object) -> int:
        return len(self._arrays.validation)

    def split(self, _: object, labels: np.ndarray, *__: object):
        # FLAML shuffles rows under its own splits; under a given one it must not.
        assert (np.asarray(labels) == self._arrays.labels).all()
        for fold in self._arrays.validation:
            yield np.arange(fold.first, fold.end), fold.test


def main() -> None:
    folder, target, budget, seed = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:5])
    arrays = load(folder)
    automl = AutoML()
    began = time.perf_counter()
    automl.fit(
        arrays.matrix, arrays.labels, task="classification", metric="ap", estimator_list=["lgbm"],
        time_budget=budget, n_jobs=2, eval_method="cv", split_type=Prequential(arrays), seed=seed,
        retrain_full=False, verbose=1,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    scores = []
    for fold in arrays.test:
        model = LGBMEstimator(task="classification", n_jobs=2, **automl.best_config)
        model.fit(arrays.matrix[fold.first : fold.end], arrays.labels[fold.first : fold.end])
        scores.append(model.predict_proba(arrays.matrix[fold.test])[:, 1])
    facts = {
        "seconds": seconds, "validation": 1 - automl.best_loss, "best": automl.best_config,
    }  # fmt: skip
    save_scores(target, scores, facts)


if __name__ == "__main__":
    main()
