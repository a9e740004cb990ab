"""What a packet is made from, written by hand: two models, three slices, one false alarm."""

from dataclasses import replace

from expectations.results import WARNING, Finding, Validated
from pipelines.modelling.data_summary import DataSummary, TableSummary
from pipelines.modelling.evaluation_record import FORMAT, GateDecision, Material
from pipelines.review.report.changes import NONE, Change
from pipelines.review.report.page import Contents, Rollout
from training.evaluation.comparison import Comparison, Estimate, FalsePositive, Figures, Slice
from training.evaluation.explanation import Case
from training.evaluation.gate import Check
from training.policy import ReviewPolicy

PASSED = Check("average precision", is_passed=True, reason="gains +0.0300 on the champion")
FAILED = Check("slices", is_passed=False, reason="worse by more than 0.05 in channel web (-0.1000)")

CANDIDATE = Figures(
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
    Slice("hour 00-06", 300, 30, 0.7, 0.68, Estimate(0.02, -0.02, 0.06), is_judged=True),
    Slice("channel web", 400, 40, 0.5, 0.6, Estimate(-0.1, -0.15, -0.05), is_judged=True),
    Slice("channel app", 10, 1, 0.2, 0.9, Estimate(-0.7, -0.8, -0.6), is_judged=False),
    Slice("channel fax", 5, 0, None, None, None, is_judged=False),
)
CASE = Case(
    "tx-77", "2025-02-03 04:05:06", 99.5, 0.91, (("amount", "99.5", 2.5), ("hour", "4", -0.5))
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


def make_material(*, champion: Figures | None = CHAMPION, problem: str = "") -> Material:
    compared = champion is not None
    return Material(
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
            false_positives=(FalsePositive(CASE, 0.12 if compared else None),),
        ),
    )


def make_contents(material: Material, **changed: object) -> Contents:
    contents = Contents(
        spec="cards",
        version="models:/cards/2",
        number=2,
        material=material,
        gate=GateDecision(True, (PASSED,)),
        changes={
            "Parameters": (Change("rounds", "50", "60"),),
            "Features": (Change("hour", NONE, "numeric", "hour(event_time)"),),
            "Thresholds": (),
        }
        if material.champion
        else {},
        rollout=Rollout("  endpoint  cards: would be created", "", None),
        origin={"run": "0a1b", "bundle digest": "5af8787feeb6"},
        decisions=(),
    )
    return replace(contents, **changed)
