"""Charts of the review page: money, precision and recall, calibration, scores, days."""

from collections.abc import Callable, Iterator, Sequence

from pipelines.modelling import EvaluationRecord
from pipelines.review.report.changes import NONE
from pipelines.review.report.formatting import count, metric, money, share
from pipelines.review.report.svg import Axis, Line, Plot, round_up, value_at
from training.evaluation import BaselineCurves, Day, ModelSummary, Points, ScoreBin

RECALLS = (0.1, 0.25, 0.5, 0.75, 0.9)
FALSE_POSITIVES = (0.001, 0.005, 0.01, 0.02, 0.05)
CANDIDATE, CHAMPION = "candidate", "champion"
LEGITIMATE, FRAUD = "candidate", "champion"
LOGISTIC = "logistic regression"
LOWEST_SHARE = 1e-5

Models = list[tuple[str, str, ModelSummary]]


def draw_charts(record: EvaluationRecord) -> dict[str, Plot]:
    """Each picture by its name."""
    models: Models = [("this version", CANDIDATE, record.comparison.candidate)]
    if record.comparison.champion is not None:
        models.append(("champion", CHAMPION, record.comparison.champion))
    compared = record.comparison
    drawn = [
        _money(models, record.review.capacity),
        _precision_recall(models, compared.baseline),
        _calibration(models),
    ]
    if compared.candidate.recall_by_false_positives:
        drawn.append(_recall(models, compared.baseline))
    if compared.scores:
        drawn.append(_scores(compared.scores, compared.candidate.threshold))
    if compared.by_day:
        drawn.append(_money_by_day(compared.by_day))
    return {plot.name: plot for plot in drawn}


def _money(models: Models, capacity: int) -> Plot:
    values = [saved for *_, each in models for _, saved in each.money_by_reviews]
    low = -round_up([-min(values)]) if min(values) < 0 else 0.0
    asked = sorted({max(1, capacity // 4), max(1, capacity // 2), capacity, 2 * capacity})
    return Plot(
        name="money",
        title="Money saved a day, by how many alerts a day can be reviewed",
        words=f"A line flattens where alerts run out. Today's capacity is {capacity:,} a day.",
        x=Axis("reviews a day", 0, 2 * capacity),
        y=Axis("money saved a day", low, round_up(values), form=",g"),
        lines=tuple(Line(n, role, each.money_by_reviews) for n, role, each in models),
        head=("reviews a day", *(name for name, *_ in models)),
        rows=tuple(
            (count(reviews), *(_or_dash(value_at(each.money_by_reviews, reviews), money)
                               for *_, each in models))
            for reviews in asked
        ),
        rule=(capacity, f"today: {capacity}"),
    )  # fmt: skip


def _precision_recall(models: Models, baseline: BaselineCurves | None) -> Plot:
    usual = [] if baseline is None else [(LOGISTIC, baseline.precision_recall)]
    curves = [*((name, each.precision_recall) for name, _, each in models), *usual]
    return Plot(
        name="precision",
        title="Precision and recall",
        words="Precision falls as recall grows; the dots are where the thresholds stand.",
        x=Axis("recall: share of the frauds that are alerts", 0, 1, form=".0%"),
        y=Axis("precision: share of alerts that are frauds", 0, 1, form=".0%"),
        lines=(
            *(Line(name, role, each.precision_recall,
                   () if each.operating_point is None else (each.operating_point,))
              for name, role, each in models),
            *(Line(name, "baseline", points) for name, points in usual),
        ),
        head=("recall", *(f"precision, {name}" for name, _ in curves)),
        rows=tuple(
            (share(recall, digits=0),
             *(_or_dash(value_at(points, recall), metric) for _, points in curves))
            for recall in RECALLS
        ),
    )  # fmt: skip


def _recall(models: Models, baseline: BaselineCurves | None) -> Plot:
    lines = [Line(name, role, each.recall_by_false_positives) for name, role, each in models]
    if baseline is not None:
        lines.append(Line(LOGISTIC, "baseline", baseline.recall_by_false_positives))
    return Plot(
        name="recall",
        title="Recall at low false-positive rates",
        words="Higher is better: more frauds found for as many false alarms.",
        x=Axis("share of legitimate transactions flagged", 0, FALSE_POSITIVES[-1], form=".1%"),
        y=Axis("recall: share of the frauds that are flagged", 0, 1, form=".0%"),
        lines=tuple(lines),
        head=("false-positive rate", *(f"recall, {each.name}" for each in lines)),
        rows=tuple(
            (share(rate, digits=1), *(share(_last_until(each.points, rate)) for each in lines))
            for rate in FALSE_POSITIVES
        ),
    )


def _scores(bins: Sequence[ScoreBin], threshold: float) -> Plot:
    width = bins[1].start - bins[0].start

    def steps(counts: Sequence[int]) -> Points:
        pairs = zip(bins, counts, strict=True)
        ends = (((b.start, float(n)), (b.start + width, float(n))) for b, n in pairs)
        return tuple(point for pair in ends for point in pair)

    legitimate, frauds = ([getattr(b, kind) for b in bins] for kind in ("legitimate", "frauds"))
    return Plot(
        name="scores",
        title="Scores of legitimate transactions and of frauds",
        words="The further apart the two lines, the better the model tells them apart.",
        x=Axis("score of this version", 0, 1),
        y=Axis("transactions", 0.5, max(10, *legitimate, *frauds), is_log=True, form=",g"),
        lines=(
            Line("legitimate", LEGITIMATE, steps(legitimate)),
            Line("fraud", FRAUD, steps(frauds)),
        ),
        head=("score from", "legitimate", "frauds"),
        rows=tuple(
            (f"{b.start:.2f}", count(b.legitimate), count(b.frauds))
            for b in bins if b.legitimate or b.frauds
        ),
        rule=(min(threshold, 1.0), "threshold"),
    )  # fmt: skip


def _money_by_day(days: Sequence[Day]) -> Plot:
    points = tuple((float(each.number), each.money) for each in days)
    saved = [each.money for each in days]
    low = -round_up([-min(saved)]) if min(saved) < 0 else 0.0
    return Plot(
        name="days",
        title="Money saved on each day of the test window",
        words="A line far from level says that the mean rests on few days.",
        x=Axis("day of the test window", 0, max(1, days[-1].number)),
        y=Axis("money saved", low, round_up(saved), form=",g"),
        lines=(Line("this version", CANDIDATE, points, points),),
        head=("day", "money saved"),
        rows=tuple((count(each.number), money(each.money)) for each in days),
    )


def _calibration(models: Models) -> Plot:
    bins = [each for *_, figures in models for each in figures.calibration_bins]
    low = min((m for mean, found, _ in bins for m in (mean, found) if m > 0), default=0.01)
    low = max(LOWEST_SHARE, 0.7 * low)
    return Plot(
        name="calibration",
        title="Calibration: what scores promise, and what came true",
        words="A calibrated model's dots lie on the diagonal; each holds the same expected frauds.",
        x=Axis("mean score of a bin", low, 1, is_log=True),
        y=Axis("share of frauds in it", low, 1, is_log=True),
        lines=(
            Line("calibrated", "ideal", ((low, low), (1, 1))),
            *(_dots(name, role, each) for name, role, each in models),
        ),
        head=("model", "transactions", "mean score", "share of frauds"),
        rows=tuple(_bin_rows(models)),
    )


def _dots(name: str, role: str, figures: ModelSummary) -> Line:
    points = tuple((mean, found) for mean, found, _ in figures.calibration_bins)
    return Line(name, role, points, points)


def _bin_rows(models: Models) -> Iterator[tuple[str, ...]]:
    for name, _, figures in models:
        for mean, found, rows in figures.calibration_bins:
            yield name, count(rows), share(mean, digits=2), share(found, digits=2)


def _last_until(points: Points, wanted: float) -> float:
    """Return the y of the last point up to an x."""
    return max((y for x, y in points if x <= wanted + 1e-9), default=0.0)


def _or_dash(value: float | None, style: Callable[[float], str]) -> str:
    return NONE if value is None else style(value)
