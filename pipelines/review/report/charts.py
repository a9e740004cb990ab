"""The pictures of a packet: money by reviews, precision and recall, calibration."""

from collections.abc import Callable, Iterator

from pipelines.modelling import Material
from pipelines.review.report.changes import NONE
from pipelines.review.report.formatting import count, metric, money, share
from pipelines.review.report.svg import Axis, Line, Plot, round_up, value_at
from training.evaluation import Figures

RECALLS = (0.1, 0.25, 0.5, 0.75, 0.9)
CANDIDATE, CHAMPION = "candidate", "champion"
LOWEST_SHARE = 1e-5

Models = list[tuple[str, str, Figures]]


def draw_pictures(material: Material) -> dict[str, Plot]:
    """Each picture by its name."""
    models: Models = [("this version", CANDIDATE, material.comparison.candidate)]
    if material.comparison.champion is not None:
        models.append(("champion", CHAMPION, material.comparison.champion))
    drawn = (
        _money(models, material.review.capacity),
        _precision_recall(models),
        _calibration(models),
    )
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


def _precision_recall(models: Models) -> Plot:
    return Plot(
        name="precision",
        title="Precision and recall",
        words="Precision falls as recall grows; the dots are where the thresholds stand.",
        x=Axis("recall: share of the frauds that are alerts", 0, 1, form=".0%"),
        y=Axis("precision: share of alerts that are frauds", 0, 1, form=".0%"),
        lines=tuple(
            Line(name, role, each.precision_recall,
                 () if each.operating_point is None else (each.operating_point,))
            for name, role, each in models
        ),
        head=("recall", *(f"precision, {name}" for name, *_ in models)),
        rows=tuple(
            (share(recall, digits=0),
             *(_or_dash(value_at(each.precision_recall, recall), metric) for *_, each in models))
            for recall in RECALLS
        ),
    )  # fmt: skip


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


def _dots(name: str, role: str, figures: Figures) -> Line:
    points = tuple((mean, found) for mean, found, _ in figures.calibration_bins)
    return Line(name, role, points, points)


def _bin_rows(models: Models) -> Iterator[tuple[str, ...]]:
    for name, _, figures in models:
        for mean, found, rows in figures.calibration_bins:
            yield name, count(rows), share(mean, digits=2), share(found, digits=2)


def _or_dash(value: float | None, style: Callable[[float], str]) -> str:
    return NONE if value is None else style(value)
