"""The head of a report for a terminal: the verdict, three figures, and where the rest stands."""

from collections.abc import Iterator

from expectations.contract import InputError
from pipelines.config import ModelSpec
from pipelines.modelling import read_gate, read_record
from pipelines.review.report.formatting import metric
from pipelines.review.report.summary import COMPARED, Row, list_figures, summarise
from pipelines.tracking import REVIEW_REPORT, Registry, Version
from training.evaluation import card_precision

WIDTH = 22


def describe_headline(
    spec: ModelSpec, registry: Registry, version: Version, *, server: str
) -> Iterator[str]:
    """Say what the report says first, in its words and numbers.

    Args:
        spec: of the version.
        registry: holds the version.
        version: of any run; one that was not evaluated is said to be so.
        server: the address of MLflow's pages.
    """
    runs = registry.runs
    try:
        record, gate = read_record(runs, version.run), read_gate(runs, version.run)
    except InputError as error:
        yield f"{version} has no verdict: {error}"
        return
    yield from summarise(record, gate, version=str(version))
    for check in gate.checks:
        if not check.is_passed:
            yield f"  refused by {check.name}: {check.reason}"
    for row in list_figures(record):
        shown = COMPARED[row.key]
        if shown.is_headline and shown.higher_is_better is not None:
            yield _line(row)
    cards, found = card_precision(spec.training), runs.metrics(version.run)
    if cards.logged in found:
        perfect = found.get(cards.logged_perfect)
        best = "" if perfect is None else f" (a perfect model: {metric(perfect)})"
        yield f"  {cards.title:{WIDTH}} {metric(found[cards.logged])}{best}"
    elif not record.has_customers:
        yield f"  {cards.title:{WIDTH}} not available: the spec has no entity"
    yield f"  {'report':{WIDTH}} {server}/{runs.page(version.run, REVIEW_REPORT)}"


def _line(row: Row) -> str:
    value, interval = row.value
    message = f"{value} ({interval})" if interval else value
    gain, limits = row.gain
    if gain:
        message += f"; to the champion {gain}" + (f" ({limits})" if limits else "")
        message += f", {row.verdict}"
    return f"  {row.name:{WIDTH}} {message}"
