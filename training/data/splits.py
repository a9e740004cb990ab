"""Prequential folds: train window, gap as long as the wait for labels, test window."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from expectations.contract import Interval
from training.policy import TrainingPolicy


@dataclass(frozen=True, slots=True)
class Fold:
    """Two stretches of event time, `[start, end)` each, with the gap between them."""

    train: Interval
    test: Interval


def holdout(as_of: datetime, policy: TrainingPolicy, *, maturity: timedelta) -> Fold:
    """Return the newest fold whose labels are mature at `as_of`; only read out, never chosen on.

    >>> from datetime import UTC
    >>> policy = TrainingPolicy(train_window="7d")
    >>> fold = holdout(datetime(2018, 8, 22, tzinfo=UTC), policy, maturity=timedelta(days=7))
    >>> str(fold.train), str(fold.test)
    ('[2018-07-25, 2018-08-01)', '[2018-08-08, 2018-08-15)')
    """
    return _ending(as_of - maturity, policy)


def validation_folds(last: Fold, policy: TrainingPolicy) -> Sequence[Fold]:
    """Folds to choose parameters on, oldest first, one test window apart.

    The newest ends where the holdout's gap begins, so every label it reads was known before the
    holdout's test window.
    """
    newest = last.test.start - policy.gap
    ends = [newest - back * policy.test_window for back in range(policy.folds)]
    return [_ending(end, policy) for end in reversed(ends)]


def _ending(end: datetime, policy: TrainingPolicy) -> Fold:
    test = Interval(start=end - policy.test_window, end=end)
    learned = test.start - policy.gap
    return Fold(train=Interval(start=learned - policy.train_window, end=learned), test=test)
