"""`[training]` and `[gate]` of a spec: windows, search, decisions, promotion gate."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from expectations.contract import Duration, FrozenModel, KeyedProblemsError
from training.lightgbm_policy import LightGBMPolicy

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]

# Keys of before, which [training.lightgbm] holds now.
MOVED = ("members", "params")


class ReviewPolicy(FrozenModel):
    """Cost and gain of a review, in the currency of `amount`.

    Attributes:
        cost: of looking at one alert.
        capacity: alerts that can be looked at in a day.
        recovery: share of a fraud's amount that is saved when it is looked at.
    """

    cost: Annotated[float, Field(ge=0)] = 5.0
    capacity: Count = 100
    recovery: Annotated[float, Field(gt=0, le=1)] = 1.0


class TrainingPolicy(FrozenModel):
    """`[training]` of a spec: training and evaluation of a model.

    Attributes:
        seed: of everything that is drawn: samples, members, trials.
        columns: columns that the model reads, of the amount, attributes and features declared;
            none: all of them.
        leave_out: columns that the model does not read.
        split: rows of different times are never mixed; there is no other way.
        train_window: days that a model is trained on.
        gap: between the end of a train window and its test window; the wait for labels.
        test_window: days that a model is measured on, after the gap.
        folds: validation folds before the holdout, one test window apart.
        histories: lengths of training history that are searched, at most `train_window`; none:
            `train_window` and its half.
        exclude_detected: entity whose members leave the test window once a fraud of theirs is
            known: a card that was stopped makes no more transactions.
        exclude_window: how far back from the end of the train window those frauds are looked for;
            absent: over the whole train window.
        trials: sets of parameters that the search tries.
        trials_workers: tasks that search one study together.
        time_budget: how long all trials may run; none is started that would end later, by the
            mean of those before it.
        threads: of the learner; the model does not depend on them.
        lightgbm: parameters of LightGBM that are given instead of searched.
        card_precision_k: cards that are looked at in a day, for card precision@k.
        calibration: what turns raw scores into probabilities, fitted on out-of-fold scores.
        threshold: what decides from which score on a transaction is an alert.
        alert_rate: share of transactions that may be alerts.
        false_positive_rate: share of legitimate transactions that may be alerts.
        review: what an alert costs and brings.
    """

    seed: Annotated[int, Field(ge=0, lt=2**31 - 10_000)] = 7
    columns: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    split: Literal["prequential"] = "prequential"
    train_window: Duration = timedelta(days=28)
    gap: Duration = timedelta(days=7)
    test_window: Duration = timedelta(days=7)
    folds: Count = 2
    histories: tuple[Duration, ...] = ()
    exclude_detected: str | None = None
    exclude_window: Duration | None = None
    trials: Count = 20
    trials_workers: Annotated[int, Field(ge=1, le=64)] = 1
    time_budget: Duration | None = None
    threads: Count = 2
    lightgbm: LightGBMPolicy = LightGBMPolicy()
    card_precision_k: Count = 100
    calibration: Literal["isotonic", "platt", "none"] = "isotonic"
    threshold: Literal["alert_rate", "false_positive_rate", "cost"] = "alert_rate"
    alert_rate: Share = 0.005
    false_positive_rate: Share = 0.005
    review: ReviewPolicy = ReviewPolicy()

    @field_validator("split", mode="before")
    @classmethod
    def _refuse_random(cls, split: object) -> object:
        if split != "prequential":
            raise ValueError(
                "rows of a random split are trained on what happened after the rows they are "
                'tested on; write "prequential" or remove the key'
            )
        return split

    @model_validator(mode="before")
    @classmethod
    def _name_new_place(cls, given: object) -> object:
        moved = [key for key in MOVED if isinstance(given, dict) and key in given]
        if moved:
            raise KeyedProblemsError(
                [
                    f"{key}: stands in [training.lightgbm] now; move "
                    + ("it there" if key == "members" else "its keys there, one by one")
                    for key in moved
                ]
            )
        return given

    @property
    def card_precision_metric(self) -> str:
        """The metric's name, `card_precision_at_100`."""
        return f"card_precision_at_{self.card_precision_k}"

    @property
    def searched_histories(self) -> tuple[timedelta, ...]:
        """Lengths of history to choose from, shortest first."""
        half = timedelta(days=max(1, self.train_window.days // 2))
        return tuple(sorted({*self.histories} or {min(half, self.train_window), self.train_window}))


class GatePolicy(FrozenModel):
    """`[gate]` of a spec: what a challenger has to show against the champion on the same rows.

    Attributes:
        require: `not_worse` asks that a loss beyond `margin` can be ruled out, `better` that a
            gain can be shown.
        confidence: of every one-sided statement the gate makes; of the slices' together.
        margin: loss of average precision that `not_worse` tolerates.
        min_gain: gain of average precision that `better` has to exceed; models of other seeds
            differ by as much.
        slice_margin: loss of average precision that is tolerated in a slice.
        money_margin: loss of money saved that is tolerated, as a share of the champion's.
        resamples: bootstrap samples of customers.
        max_latency_ms: 99th percentile of scoring one row.
        max_calibration_factor: how far expected frauds may be from true ones in a bin of scores.
    """

    require: Literal["not_worse", "better"] = "not_worse"
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.975
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.02
    min_gain: Annotated[float, Field(ge=0, lt=1)] = 0.005
    slice_margin: Annotated[float, Field(ge=0, lt=1)] = 0.05
    money_margin: Annotated[float, Field(ge=0, lt=1)] = 0.05
    resamples: Annotated[int, Field(ge=200, le=100_000)] = 1_000
    max_latency_ms: Positive = 5.0
    max_calibration_factor: Annotated[float, Field(gt=1)] = 1.5
