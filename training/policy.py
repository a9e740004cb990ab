"""`[training]` of a spec: which days, how long to search, what the answer is judged by."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from expectations.contract import Duration, Policy

Count = Annotated[int, Field(ge=1)]


class TrainingPolicy(Policy):
    """How a model is trained and evaluated.

    Attributes:
        gap: between the end of a train window and its test window; the wait for labels.
        folds: validation folds before the holdout, one test window apart.
        exclude_detected: entity whose members leave the test window once a fraud of theirs is
            known: a card that was stopped makes no more transactions.
        exclude_window: how far back from the end of the train window those frauds are looked for;
            absent: over the whole train window.
        time_budget: no trial is started after it.
        alert_rate: share of transactions that may be alerts; sets the threshold.
    """

    seed: int = 7
    train_window: Duration = timedelta(days=28)
    gap: Duration = timedelta(days=7)
    test_window: Duration = timedelta(days=7)
    folds: Count = 2
    exclude_detected: str | None = None
    exclude_window: Duration | None = None
    trials: Count = 20
    time_budget: Duration | None = None
    threads: Count = 2
    card_precision_k: Count = 100
    alert_rate: Annotated[float, Field(gt=0, lt=1)] = 0.005

    @property
    def card_precision_metric(self) -> str:
        """The metric's name, `card_precision_at_100`."""
        return f"card_precision_at_{self.card_precision_k}"
