"""This project's search and ensemble, from the pinned training set."""

import sys
import time
from pathlib import Path

from tests.benchmarks.protocol import SPEC, load_protocol
from tests.benchmarks.searchers.arrays import save_scores
from training.data.dataset import test_rows
from training.learners.lightgbm.fit import fit
from training.search.tuning import tune

MANY = 100_000


def main() -> None:
    training_set, target, budget, seed = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:5])
    protocol = load_protocol(f"{SPEC}&training.seed={seed}", training_set)
    rows, policy = protocol.rows, protocol.policy
    target.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    best = tune(
        rows,
        folds=protocol.validation,
        policy=policy.model_copy(update={"trials": MANY, "time_budget": seconds_of(budget)}),
        storage=f"sqlite:///{target}/studies.db",
        study="detection",
    )
    seconds = time.perf_counter() - began
    scores = []
    for fold in protocol.test:
        model = fit(rows, fold.train, params=best.params, policy=policy)
        scores.append(model.predict(test_rows(rows, fold, policy)))
    facts = {
        "seconds": seconds, "validation": best.value, "trials": best.trials,
        "members": policy.lightgbm.members, "best": dict(best.params),
    }  # fmt: skip
    save_scores(target, scores, facts)


def seconds_of(budget: int):
    from datetime import timedelta

    return timedelta(seconds=budget)


if __name__ == "__main__":
    main()
