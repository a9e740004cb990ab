"""What a report is made from, written by hand: two models, three slices, one false alarm."""

from dataclasses import replace

from expectations.results import WARNING, Finding, Validated
from pipelines.modelling.data_summary import DataSummary, TableSummary
from pipelines.modelling.evaluation_record import FORMAT, EvaluationRecord, GateDecision
from pipelines.review.report.changes import NONE, Change
from pipelines.review.report.page import Contents, Rollout
from training.evaluation import (
    BaselineCurves,
    ComparedCase,
    Comparison,
    Day,
    Estimate,
    FeatureContribution,
    MetricValue,
    ModelSummary,
    ScoreBin,
    Slice,
)
from training.evaluation.comparison.explanation import Case
from training.evaluation.promotion_gate import Check
from training.policy import ReviewPolicy

PASSED = Check("average precision", is_passed=True, reason="gains +0.0300 on the champion")
FAILED = Check("slices", is_passed=False, reason="worse by more than 0.05 in channel web (-0.1000)")

CANDIDATE = ModelSummary(
    threshold=0.25,
    calibration="isotonic",
    columns={"amount": "numeric", "channel": "categorical", "hour": "numeric"},
    estimates={
        "money_saved": Estimate(1234.0, 1000.0, 1500.0),
        "alerts": Estimate(20.0, 15.0, 25.0),
        "reviews": Estimate(18.0, 14.0, 22.0),
        "frauds_found": Estimate(9.0, 7.0, 11.0),
        "average_precision": Estimate(0.63, 0.58, 0.68),
        "auc": Estimate(0.95, 0.93, 0.97),
        "recall_at_0_1pct_fpr": Estimate(0.4, 0.35, 0.45),
    },
    precision_recall=((0.2, 1.0), (0.6, 0.8), (1.0, 0.1)),
    operating_point=(0.6, 0.8),
    calibration_bins=((0.01, 0.012, 900), (0.4, 0.38, 60)),
    money_by_reviews=((0.0, 0.0), (50.0, 900.0), (100.0, 1234.0), (200.0, 1300.0)),
    top_reasons={"amount": 0.75, "hour": 0.25},
    recall_by_false_positives=((0.0, 0.0), (0.001, 0.4), (0.05, 0.9)),
)
CHAMPION = replace(
    CANDIDATE,
    threshold=0.3,
    columns={"amount": "numeric", "channel": "categorical", "country": "categorical"},
    top_reasons={"amount": 0.5, "country": 0.5},
)
GAINS = {
    "money_saved": Estimate(134.0, 20.0, 250.0),
    "alerts": Estimate(-2.0, -5.0, -1.0),
    "reviews": Estimate(-2.0, -5.0, 1.0),
    "frauds_found": Estimate(0.5, -0.5, 1.5),
    "average_precision": Estimate(-0.03, -0.05, -0.01),
    "auc": Estimate(0.0, None, None),
    "recall_at_0_1pct_fpr": Estimate(0.031, 0.01, 0.05),
}
SLICES = (
    Slice("hour 00-06", 300, 30, 0.7, 0.68, Estimate(0.02, -0.02, 0.06), is_judged=True,
          own=Estimate(0.7, 0.6, 0.8), auc=0.93, alerts=11),
    Slice("channel web", 400, 40, 0.5, 0.6, Estimate(-0.1, -0.15, -0.05), is_judged=True,
          own=Estimate(0.5, 0.4, 0.6), auc=0.85, alerts=12),
    Slice("channel app", 10, 1, 0.2, 0.9, Estimate(-0.7, -0.8, -0.6), is_judged=False,
          own=Estimate(0.2, 0.1, 0.3), auc=0.6, alerts=1),
    Slice("channel fax", 5, 0, None, None, None, is_judged=False, alerts=0),
)  # fmt: skip
CASE = Case(
    "tx-77", "2025-02-03 04:05:06", 99.5, 0.91, (("amount", "99.5", 2.5), ("hour", "4", -0.5))
)
MISSED = Case("tx-99", "2025-02-04 05:06:07", 640.0, 0.01, (("hour", "5", -1.5),))
DAYS = (
    Day(0, 1_000, 34, Estimate(0.6, 0.5, 0.7), 0.94, 22, 1_300.0),
    Day(1, 899, 30, None, None, 18, -40.0),
)
METRICS = (
    MetricValue("average precision", "score", 0.63, (0.58, 0.68), 0.31, None),
    MetricValue("money saved a day", "money", 1_234.0, (1_000.0, 1_500.0), 300.0, 2_500.0),
    MetricValue("rows", "count", 1_899.0, None, None, None),
)
DATA = DataSummary(
    training_set=TableSummary("training_sets", 3, 12_000, "2025-01-01", "2025-02-07", 480),
    tables=(TableSummary("transactions", 9, 20_000, "2025-01-01", "2025-02-09", None),),
    checks={
        "features": Validated(
            "the features of cards", 20_000, 94, (Finding(WARNING, "fewer rows than usual"),)
        )
    },
    docs="http://127.0.0.1:8770/cards/2025-02-10/",
    quarantined=7,
    rules={"amount_below_minimum": 2, "repeated": 5},
)


def make_record(*, champion: ModelSummary | None = CHAMPION, problem: str = "") -> EvaluationRecord:
    compared = champion is not None
    return EvaluationRecord(
        format=FORMAT,
        window="[2025-02-01, 2025-02-08)",
        review=ReviewPolicy(cost=5.0, capacity=100),
        champion="models:/cards/1" if compared or problem else "",
        champion_problem=problem,
        data=DATA,
        comparison=Comparison(
            format=1,
            days=7,
            rows=1_899,
            frauds=64,
            candidate=CANDIDATE,
            champion=champion,
            gains=GAINS if compared else {},
            slices=SLICES
            if compared
            else tuple(replace(each, champion=None, gain=None) for each in SLICES),
            false_positives=(ComparedCase(CASE, 0.12 if compared else None),),
            false_negatives=(ComparedCase(MISSED, 0.7 if compared else None),),
            by_day=DAYS,
            contributions=(
                FeatureContribution("amount", 1.25, -0.5, 2.0),
                FeatureContribution("channel", 0.2, None, None),
            ),
            scores=(ScoreBin(0.0, 1_800, 4), ScoreBin(0.5, 35, 60)),
            baseline=BaselineCurves(((0.5, 0.4), (1.0, 0.05)), ((0.0, 0.0), (0.05, 0.5))),
        ),
        metrics=METRICS,
    )


def make_contents(record: EvaluationRecord, **changed: object) -> Contents:
    contents = Contents(
        spec="cards",
        version="models:/cards/2",
        number=2,
        record=record,
        gate=GateDecision(True, (PASSED,)),
        changes={
            "Parameters": (Change("rounds", "50", "60"),),
            "Features": (Change("hour", NONE, "numeric", "hour(event_time)"),),
            "Thresholds": (),
        }
        if record.champion
        else {},
        rollout=Rollout("  endpoint  cards: would be created", "", None),
        origin={"run": "0a1b", "bundle digest": "5af8787feeb6"},
        decisions=(),
    )
    return replace(contents, **changed)
