"""Review page: one HTML file that loads nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from pipelines.modelling import EvaluationRecord, GateDecision
from pipelines.review.report.changes import Change, describe_table
from pipelines.review.report.charts import draw_charts
from pipelines.review.report.formatting import UNITS, count, metric, money, share, signed
from pipelines.review.report.summary import COMPARED, list_figures, summarise
from training.evaluation import ModelSummary, Slice

SHOWN_REASONS = 12
SHOWN_RULES = 10


@dataclass(frozen=True, slots=True)
class Rollout:
    """Effects of an approval.

    Attributes:
        plan: the difference at the endpoint; empty when SageMaker could not be asked.
        problem: why not; empty when it could.
        window: cron expression of the change window; None: there is none.
    """

    plan: str
    problem: str
    window: str | None


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that a page tells.

    Attributes:
        spec: its name.
        version: `models:/demo/2`.
        number: of the version.
        changes: heading to what is different from the champion; empty without one.
        origin: where the version comes from, in words.
        decisions: what people decided so far.
    """

    spec: str
    version: str
    number: int
    record: EvaluationRecord
    gate: GateDecision
    changes: Mapping[str, Sequence[Change]]
    rollout: Rollout
    origin: Mapping[str, str]
    decisions: Sequence[str]


@dataclass(frozen=True, slots=True)
class Drift:
    """Shares of alerts that have a feature as their top reason."""

    name: str
    ours: float
    theirs: float


def render_page(contents: Contents) -> str:
    """Return the page's text."""
    environment = Environment(
        loader=PackageLoader("pipelines.review.report", "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "money": money, "count": count, "metric": metric, "share": share, "signed": signed,
        "in_unit": lambda value, unit: UNITS[unit](value),
    }  # fmt: skip
    record = contents.record
    compared = record.comparison
    figures = list_figures(record)
    return environment.get_template("review.html").render(
        page=contents,
        record=record,
        compared=compared,
        sentences=summarise(record, contents.gate, version=contents.version),
        figures=figures,
        headlines=[row for row in figures if COMPARED[row.key].is_headline],
        charts=draw_charts(record),
        slices=order_slices(compared.slices),
        reach=_reach(compared.slices),
        drifts=list_drifts(compared.candidate, compared.champion),
        moved=moved_reasons(compared.candidate, compared.champion),
        rules=sorted(record.data.rules.items(), key=lambda each: -each[1])[:SHOWN_RULES],
        tables=[record.data.training_set, *record.data.tables],
        describe_table=describe_table,
    )


def order_slices(slices: Sequence[Slice]) -> list[Slice]:
    """Those shown to be worse first, then by how much they lost; what is not measured last."""
    return sorted(
        slices,
        key=lambda each: (
            not each.is_worse,
            each.gain is None,
            each.gain.value if each.gain else 0,
        ),
    )


def list_drifts(ours: ModelSummary, theirs: ModelSummary | None) -> list[Drift]:
    """Top reasons of alerts, those that moved or weigh most first."""
    current = {} if theirs is None else theirs.top_reasons
    drifts = [
        Drift(name, ours.top_reasons.get(name, 0.0), current.get(name, 0.0))
        for name in dict.fromkeys([*ours.top_reasons, *current])
    ]
    return sorted(drifts, key=lambda each: -max(each.ours, each.theirs))[:SHOWN_REASONS]


def moved_reasons(ours: ModelSummary, theirs: ModelSummary | None) -> float | None:
    """Share of alerts that would have another top reason at the least; None without a champion."""
    if theirs is None:
        return None
    names = {*ours.top_reasons, *theirs.top_reasons}
    moved = (ours.top_reasons.get(n, 0.0) - theirs.top_reasons.get(n, 0.0) for n in names)
    return sum(abs(each) for each in moved) / 2


def _reach(slices: Sequence[Slice]) -> float:
    """Return the largest distance of an interval's end from 0, half a small chart's width."""
    gains = [each.gain for each in slices if each.gain is not None]
    ends = [abs(end) for gain in gains for end in (gain.low, gain.high) if end is not None]
    return max(ends, default=0.0) or 1.0
