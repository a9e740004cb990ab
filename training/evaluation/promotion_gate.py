"""Promotion gate: lets a challenger go to review, or refuses with every reason.

Challenger and champion score the same out-of-time rows. Their difference is resampled over whole
customers, so what both find easy or hard cancels out; the statements are one-sided, at the
policy's confidence (infra/decisions/0008).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from expectations.contract import AttributeKind
from training.evaluation.bootstrap import Ranking, draw_weights
from training.evaluation.calibration_bins import calibration_error, calibration_groups
from training.evaluation.money_saved import money_by_row
from training.evaluation.scored import ScoredRows
from training.policy import GatePolicy, TrainingPolicy

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# A slice with fewer frauds is not judged: its average precision jumps with each of them.
MIN_SLICE_FRAUDS = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One question of the gate.

    Attributes:
        reason: what was found, in a sentence.
    """

    name: str
    is_passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """The decision: accepted when every check is passed."""

    checks: tuple[Check, ...]

    @property
    def is_accepted(self) -> bool:
        """True if the challenger may go to review."""
        return all(check.is_passed for check in self.checks)

    @property
    def reasons(self) -> list[str]:
        """Reasons of a refusal; empty when accepted."""
        return [f"{c.name}: {c.reason}" for c in self.checks if not c.is_passed]


@dataclass(frozen=True, slots=True)
class ModelUnderTest:
    """A model on the rows of the gate.

    Attributes:
        threshold: its own; from it on a row is an alert.
        columns: what its requests hold.
    """

    scored: ScoredRows
    threshold: float
    columns: Mapping[str, AttributeKind]


def judge_alone(
    challenger: ModelUnderTest, *, baseline: float, latency_ms: float, policy: GatePolicy, seed: int
) -> list[Check]:
    """Check what needs no champion: the logistic baseline, calibration, latency.

    Args:
        challenger: on the test rows.
        baseline: average precision of the logistic regression on the same rows.
        latency_ms: 99th percentile of scoring one row.
        policy: the limits.
        seed: of the bootstrap.
    """
    scored = challenger.scored
    ours = float(average_precision_score(scored.labels, scored.scores))
    return [
        Check(
            "baseline",
            ours > baseline,
            f"average precision {ours:.4f}, logistic regression {baseline:.4f}",
        ),
        _calibration_check(scored, policy, seed=seed),
        Check(
            "latency",
            latency_ms <= policy.max_latency_ms,
            f"99 % of single rows are scored in {latency_ms:.3f} ms; "
            f"allowed {policy.max_latency_ms:g}",
        ),
    ]


def compare(
    challenger: ModelUnderTest,
    champion: ModelUnderTest,
    *,
    slices: Mapping[str, Mask],
    policy: GatePolicy,
    training: TrainingPolicy,
) -> list[Check]:
    """Challenger against champion on the same rows.

    Args:
        challenger: with its scores of the rows.
        champion: with its own of the same rows in the same order.
        slices: name to the rows of each.
        policy: what has to be shown.
        training: seed, and cost and capacity of reviews.
    """
    kept = {
        name: mask
        for name, mask in slices.items()
        if challenger.scored.labels[mask].sum() >= MIN_SLICE_FRAUDS
    }
    gains = _Gains(challenger, champion, kept, training)
    drawn = [
        gains.of(weights)
        for weights in draw_weights(
            challenger.scored.customers, resamples=policy.resamples, seed=training.seed
        )
    ]
    samples = {name: np.array([each[name] for each in drawn]) for name in drawn[0]}
    observed = gains.of(np.ones(len(challenger.scored)))
    return [
        _schema_check(challenger.columns, champion.columns),
        _precision_check(observed["all"], samples["all"], policy),
        _money_check(observed["money"], samples["money"], gains.champion_money, policy),
        _slice_check(
            {name: observed[name] for name in kept}, {name: samples[name] for name in kept}, policy
        ),
    ]


def _calibration_check(scored: ScoredRows, policy: GatePolicy, *, seed: int) -> Check:
    """Check that expected frauds are not shown to be off by more than the policy's factor.

    Each bin is judged at its part of `1 - confidence` (Bonferroni), so that ten bins of a
    calibrated model are together as rarely refused as one.
    """
    groups = calibration_groups(scored.labels, scored.scores)
    ratios = np.array(
        [
            [_ratio(weights[own], scored.scores[own], scored.labels[own]) for own in groups]
            for weights in draw_weights(scored.customers, resamples=policy.resamples, seed=seed)
        ]
    )
    tail = (1 - policy.confidence) / len(groups)
    limit = policy.max_calibration_factor
    lows, highs = (np.nanquantile(ratios, q, axis=0) for q in (tail, 1 - tail))
    off = []
    for at, own in enumerate(groups):
        found = _ratio(np.ones(len(own)), scored.scores[own], scored.labels[own])
        if lows[at] > limit or highs[at] < 1 / limit:
            off.append(f"{found:.2f} times the true ones in bin {at + 1}")
    rate = float(scored.labels.mean())
    error = calibration_error(scored.labels, scored.scores) / rate
    bins = (
        f"{', '.join(off)} of {len(groups)}" if off else f"shown so in none of {len(groups)} bins"
    )
    return Check(
        "calibration",
        not off,
        f"expected calibration error {error:.2f} of the fraud rate; expected frauds off by more "
        f"than a factor of {limit:g}: {bins}",
    )


def _ratio(weights: Floats, scores: Floats, labels: npt.NDArray[np.int8]) -> float:
    """Divide expected frauds by true ones; without any true one by half a one."""
    return float(weights @ scores) / max(float(weights @ labels), 0.5)


class _Gains:
    """Challenger less champion, for given row weights."""

    def __init__(
        self,
        challenger: ModelUnderTest,
        champion: ModelUnderTest,
        slices: Mapping[str, Mask],
        training: TrainingPolicy,
    ) -> None:
        ours, theirs = challenger.scored, champion.scored
        whole = np.ones(len(ours), dtype=np.bool_)
        self._pairs = [
            (
                name,
                mask,
                Ranking(ours.scores[mask], ours.labels[mask]),
                Ranking(theirs.scores[mask], theirs.labels[mask]),
            )
            for name, mask in {"all": whole, **slices}.items()
        ]
        our_money, their_money = (
            money_by_row(each.scored, policy=training, threshold=each.threshold)
            for each in (challenger, champion)
        )
        self._money = our_money - their_money
        self.champion_money = float(their_money.sum())

    def of(self, weights: Floats) -> dict[str, float]:
        gained = {"money": float(weights @ self._money)}
        for name, mask, ours, theirs in self._pairs:
            own = weights[mask]
            gained[name] = ours.average_precision(own) - theirs.average_precision(own)
        return gained


def _precision_check(gain: float, samples: Floats, policy: GatePolicy) -> Check:
    low = float(np.nanquantile(samples, 1 - policy.confidence))
    needed = policy.min_gain if policy.require == "better" else -policy.margin
    return Check(
        "average precision",
        low > needed,
        f"gains {gain:+.4f} on the champion; at {policy.confidence:.1%} confidence at least "
        f"{low:+.4f}; {policy.require} asks for more than {needed:+.4f}",
    )


def _money_check(gain: float, samples: Floats, champion: float, policy: GatePolicy) -> Check:
    high = float(np.quantile(samples, policy.confidence))
    tolerated = policy.money_margin * abs(champion)
    return Check(
        "money saved",
        high >= -tolerated,
        f"saves {gain:+,.2f} against the champion's {champion:,.2f}; at {policy.confidence:.1%} "
        f"confidence at most {high:+,.2f}; a loss of {tolerated:,.2f} is tolerated",
    )


def _slice_check(
    observed: Mapping[str, float], samples: Mapping[str, Floats], policy: GatePolicy
) -> Check:
    """Check that no slice is shown to lose more than `slice_margin`, by Holm's step-down.

    The chance to refuse a model that is worse in none of them is at most `1 - confidence`, however
    many slices there are (Holm 1979).
    """
    chances = {
        # With one added to both, no p-value is 0 (Davison & Hinkley 1997, 4.11).
        name: (1 + int((values > -policy.slice_margin).sum()))
        / (1 + int(np.isfinite(values).sum()))
        for name, values in samples.items()
    }
    worse = []
    for rank, name in enumerate(sorted(chances, key=lambda each: chances[each])):
        if chances[name] > (1 - policy.confidence) / (len(chances) - rank):
            break
        worse.append(f"{name} ({observed[name]:+.4f})")
    told = f"worse by more than {policy.slice_margin:g} in {', '.join(worse)}" if worse else (
        f"in none of {len(chances)} slices worse by more than {policy.slice_margin:g}"
    )  # fmt: skip
    return Check("slices", not worse, told)


def _schema_check(ours: Mapping[str, AttributeKind], theirs: Mapping[str, AttributeKind]) -> Check:
    """Check that requests of the champion are not misread; tell new and gone features."""
    changed = [name for name in ours if name in theirs and ours[name] != theirs[name]]
    told = _listed("new", [n for n in ours if n not in theirs])
    told += _listed("gone", [n for n in theirs if n not in ours])
    if changed:
        told = [f"another kind of value in {', '.join(changed)}"]
    return Check("features", not changed, "; ".join(told) or "the champion's")


def _listed(word: str, names: Sequence[str]) -> list[str]:
    return [f"{word}: {', '.join(names)}"] if names else []
