"""Each metric of the table: an independent oracle, degenerate rows, direction, unit, interval."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.training.frames import as_rows, make_rows
from training.evaluation.bootstrap import draw_weights
from training.evaluation.metric import Metric
from training.evaluation.metrics import METRICS, evaluate, list_metrics, metric_intervals
from training.evaluation.scored import ScoredModel, ScoredRows
from training.policy import TrainingPolicy

POLICY = TrainingPolicy(
    exclude_detected="customer_id", card_precision_k=3, review={"cost": 5.0, "capacity": 4}
)
BY_NAME = {metric.name: metric for metric in list_metrics(POLICY)}
THRESHOLD = 0.4

# A row of a test window: day, customer, label, amount, score.
Row = tuple[int, int, int, float, float]


def model_of(rows: list[Row], *, threshold: float = THRESHOLD) -> ScoredModel:
    days, customers, labels, amounts, scores = (np.array(each) for each in zip(*rows, strict=True))
    base = as_rows(make_rows(len(rows), days=1))
    at = base.metadata.column_names.index("customer_id")
    metadata = base.metadata.set_column(at, "customer_id", [customers])
    scored = ScoredRows(
        replace(base, metadata=metadata), scores.astype(float), labels.astype(np.int8),
        amounts.astype(float), days, np.unique(customers, return_inverse=True)[1],
    )  # fmt: skip
    return ScoredModel(scored, threshold, POLICY)


def draw(count: int = 400, *, seed: int = 5, decimals: int = 2) -> list[Row]:
    """Dataset of three days, with ties, whose frauds score higher."""
    chance = np.random.default_rng(seed)
    labels = (chance.random(count) < 0.15).astype(int)
    scores = np.clip(0.3 * labels + chance.exponential(0.15, count), 0, 1).round(decimals)
    return list(
        zip(
            np.sort(chance.integers(0, 3, count)).tolist(),
            chance.integers(0, 60, count).tolist(),
            labels.tolist(),
            chance.lognormal(3, 1, count).round(2).tolist(),
            scores.tolist(),
            strict=True,
        )
    )


def by_day(rows: list[Row]) -> list[list[Row]]:
    return [[row for row in rows if row[0] == day] for day in sorted({row[0] for row in rows})]


def reviewed(rows: list[Row]) -> list[Row]:
    """The alerts that four reviews a day reach, by sorting each day's; of equals the earlier."""
    chosen = []
    for day in by_day(rows):
        alerts = [row for row in day if row[4] >= THRESHOLD]
        chosen += sorted(alerts, key=lambda row: -row[4])[:4]
    return chosen


def recall_at(rows: list[Row], limit: float) -> float:
    """The highest recall over every threshold that is a score, or lies above them all."""
    frauds, others = ([r[4] for r in rows if r[2] == label] for label in (1, 0))
    recalls = [
        sum(score >= cut for score in frauds) / len(frauds)
        for cut in [*{row[4] for row in rows}, 2.0]
        if sum(score >= cut for score in others) <= limit * len(others)
    ]
    return max(recalls)


def calibration_error(rows: list[Row]) -> float:
    """Sorted rows are put into bins of equal expected frauds; gaps are weighted by their rows."""
    ordered = sorted(rows, key=lambda row: row[4])
    bins = min(10, max(1, sum(row[2] for row in rows) // 25))
    total, seen = sum(row[4] for row in rows), 0.0
    held: dict[int, list[Row]] = {}
    for row in ordered:
        seen += row[4]
        held.setdefault(min(int(seen / total * bins + 1e-12), bins - 1), []).append(row)
    gaps = [abs(sum(row[4] - row[2] for row in own)) for own in held.values()]
    return sum(gaps) / len(rows)


def cards_found(rows: list[Row]) -> float:
    """Share of frauds among the three best customers of each day, found ones left out later."""
    found: set[int] = set()
    shares = []
    for day in by_day(rows):
        own = [row for row in day if row[1] not in found]
        best = {
            c: max(row[4] for row in own if row[1] == c) for c in dict.fromkeys(r[1] for r in own)
        }
        first = sorted(best, key=lambda customer: -best[customer])[:3]
        hits = {c for c in first if any(row[1] == c and row[2] for row in own)}
        shares.append(len(hits) / 3)
        found |= hits
    return sum(shares) / len(shares)


def share(rows: list[Row], of: list[Row]) -> float:
    return len(rows) / len(of)


def frauds(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row[2] == 1]


def alerts(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row[4] >= THRESHOLD]


ORACLES: dict[str, Callable[[list[Row]], float]] = {
    "money_saved": lambda rows: sum(r[2] * r[3] - 5.0 for r in reviewed(rows)) / len(by_day(rows)),
    "alerts": lambda rows: len(alerts(rows)) / len(by_day(rows)),
    "reviews": lambda rows: len(reviewed(rows)) / len(by_day(rows)),
    "frauds_found": lambda rows: len(frauds(reviewed(rows))) / len(by_day(rows)),
    "average_precision": lambda rows: average_precision_score(
        [r[2] for r in rows], [r[4] for r in rows]
    ),
    "auc": lambda rows: roc_auc_score([r[2] for r in rows], [r[4] for r in rows]),
    "rows": len,
    "frauds": lambda rows: sum(r[2] for r in rows),
    "brier": lambda rows: sum((r[4] - r[2]) ** 2 for r in rows) / len(rows),
    "calibration_error": calibration_error,
    "alert_rate": lambda rows: share(alerts(rows), rows),
    "alert_precision": lambda rows: share(frauds(alerts(rows)), alerts(rows)),
    "alert_recall": lambda rows: share(frauds(alerts(rows)), frauds(rows)),
    "recall_at_0_1pct_fpr": lambda rows: recall_at(rows, 0.001),
    "recall_at_0_5pct_fpr": lambda rows: recall_at(rows, 0.005),
    "recall_at_1pct_fpr": lambda rows: recall_at(rows, 0.01),
    "recall_at_2pct_fpr": lambda rows: recall_at(rows, 0.02),
    "card_precision_at_3": cards_found,
}


def test_every_metric_has_one_name_one_title_and_an_oracle() -> None:
    listed = list_metrics(POLICY)
    assert (
        len({each.name for each in listed}) == len({each.title for each in listed}) == len(listed)
    )
    assert BY_NAME.keys() == ORACLES.keys()
    assert list_metrics(TrainingPolicy()) == list(METRICS)


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("seed", [5, 6])
@pytest.mark.parametrize("decimals", [1, 2, 6])
def test_a_metric_is_that_of_its_oracle(name: str, seed: int, decimals: int) -> None:
    rows = draw(seed=seed, decimals=decimals)
    assert BY_NAME[name].compute(model_of(rows)) == pytest.approx(ORACLES[name](rows), abs=1e-9)


@pytest.mark.parametrize("metric", [m for m in METRICS if m.resample], ids=lambda m: m.name)
def test_weights_count_a_row_as_often_as_its_customer_was_drawn(metric: Metric) -> None:
    """Drawn customers are written out as rows; a ranking does not depend on where they stand."""
    rows = draw()
    model = model_of(rows)
    measure = metric.resample(model)
    assert measure(np.ones(len(rows))) == pytest.approx(metric.compute(model))
    if metric.unit in {"money", "count_a_day"}:
        return  # which rows are reviewed is decided once, on the rows as they are
    for weights in draw_weights(model.scored.customers, resamples=3, seed=1):
        again = [row for row, times in zip(rows, weights, strict=True) for _ in range(int(times))]
        assert measure(weights) == pytest.approx(metric.compute(model_of(again)))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.2, 0.6, 1.0])), min_size=4))
def test_ties_do_not_depend_on_the_order_of_rows(pairs: list[tuple[int, float]]) -> None:
    pairs = [(0, 0.2), (1, 0.6), *pairs]
    rows = [(0, n, label, 10.0, score) for n, (label, score) in enumerate(pairs)]
    for name, metric in BY_NAME.items():
        if name in {"money_saved", "frauds_found", "card_precision_at_3", "calibration_error"}:
            continue  # of equal scores the earlier row is reviewed, or fills the lower bin
        there, back = (metric.compute(model_of(each)) for each in (rows, rows[::-1]))
        assert there == pytest.approx(back), name
        assert there == pytest.approx(ORACLES[name](rows)), name


def test_a_threshold_that_flags_exactly_the_allowed_share_is_allowed() -> None:
    # One of 200 legitimate rows lies above the second fraud: 0.5 % of them.
    others = [(0, n, 0, 1.0, 0.8 if n == 0 else 0.1) for n in range(200)]
    model = model_of([(0, 300, 1, 1.0, 0.9), *others, (0, 301, 1, 1.0, 0.5)])
    assert BY_NAME["recall_at_0_5pct_fpr"].compute(model) == 1.0


DEGENERATE = {
    "no frauds": [(0, 1, 0, 10.0, 0.9), (0, 2, 0, 10.0, 0.1)],
    "frauds only": [(0, 1, 1, 10.0, 0.9), (0, 2, 1, 10.0, 0.1)],
    "one legitimate row": [(0, 1, 0, 10.0, 0.1)],
    "one fraud": [(0, 1, 1, 10.0, 0.9)],
    "scores of 0": [(0, 1, 1, 10.0, 0.0), (1, 2, 0, 10.0, 0.0)],
}
RANKINGS = {"average_precision", "auc"} | {n for n in BY_NAME if n.startswith("recall_at")}


@pytest.mark.parametrize(("name", "rows"), list(product(BY_NAME, DEGENERATE)))
def test_what_is_not_defined_is_nan_and_everything_else_is_finite(name: str, rows: str) -> None:
    model = model_of(DEGENERATE[rows])
    values = [BY_NAME[name].compute(model)]
    if BY_NAME[name].resample is not None:
        values.append(BY_NAME[name].resample(model)(np.zeros(len(model.scored)) + 1.0))
    labels = {row[2] for row in DEGENERATE[rows]}
    is_undefined = (name in RANKINGS and len(labels) < 2) or (
        name == "alert_recall" and labels == {0}
    )
    if name == "average_precision" and labels == {1}:
        values = values[
            :1
        ]  # every sample has precision 1; the value itself says there is no choice
    assert [bool(np.isnan(value)) for value in values] == [is_undefined] * len(values)


def test_some_degenerate_values_by_hand() -> None:
    none = model_of(DEGENERATE["no frauds"])
    assert BY_NAME["money_saved"].compute(none) == -5.0  # one alert was reviewed for nothing
    assert BY_NAME["alert_precision"].compute(none) == 0.0
    assert BY_NAME["alert_precision"].compute(model_of(DEGENERATE["scores of 0"])) == 0.0
    zeros = model_of(DEGENERATE["scores of 0"])
    assert BY_NAME["auc"].compute(zeros) == 0.5
    assert BY_NAME["average_precision"].compute(zeros) == 0.5
    assert BY_NAME["alerts"].compute(zeros) == 0.0


@pytest.mark.parametrize("name", [n for n, m in BY_NAME.items() if m.higher_is_better is not None])
def test_a_perfect_model_is_better_than_one_that_guesses(name: str) -> None:
    rows = draw()
    guessed = model_of(
        [(d, c, y, a, s) for (d, c, y, a, _), (*_, s) in zip(rows, rows[::-1], strict=True)]
    )
    metric, perfect = BY_NAME[name], guessed.perfect()
    gain = metric.compute(perfect) - metric.compute(guessed)
    assert gain > 0 if metric.higher_is_better else gain < 0


PER_DAY = [metric for metric in METRICS if metric.is_per_day]


@pytest.mark.parametrize("metric", PER_DAY, ids=lambda metric: metric.name)
def test_a_metric_of_days_stays_when_every_day_comes_twice(metric: Metric) -> None:
    rows = draw()
    twice = rows + [(day + 3, *rest) for day, *rest in rows]
    assert metric.compute(model_of(twice)) == pytest.approx(metric.compute(model_of(rows)))
    assert metric.key == f"{metric.name}_per_day"


def test_the_metrics_of_days_are_these() -> None:
    assert [m.name for m in PER_DAY] == ["money_saved", "alerts", "reviews", "frauds_found"]


def test_the_names_in_mlflow_are_those_of_before() -> None:
    found = evaluate(model_of(draw()).scored, policy=POLICY, threshold=THRESHOLD)
    assert found.keys() >= {
        "test_rows", "test_frauds", "test_auc", "test_average_precision", "test_brier",
        "test_calibration_error", "test_alert_rate", "test_alert_precision", "test_alert_recall",
        "test_recall_at_0_5pct_fpr", "test_recall_at_1pct_fpr", "test_recall_at_2pct_fpr",
        "test_money_saved_per_day", "perfect_money_saved_per_day", "test_card_precision_at_3",
        "perfect_card_precision_at_3",
    }  # fmt: skip
    limits = metric_intervals(model_of(draw()).scored, policy=POLICY, threshold=THRESHOLD)
    assert limits.keys() >= {"test_average_precision", "test_auc", "test_money_saved_per_day"}
    assert limits.keys() <= found.keys()


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_what_the_review_page_compares_can_be_resampled_and_read(metric: Metric) -> None:
    from pipelines.review.report.formatting import STYLES

    written = {
        "money": "1,234", "count": "1,234", "count_a_day": "1,234.5", "score": "1234.500",
        "share": "123450.0 %",
    }  # fmt: skip
    assert STYLES[metric.name](1234.5).replace("1,235", "1,234") == written[metric.unit]
    assert metric.resample is not None or not metric.is_compared
    assert metric.is_compared or not metric.is_headline
