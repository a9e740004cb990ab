"""The evaluation report shows what data gave, and nothing of it becomes a part of the page."""

from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

from training.evaluation.explanation import Case
from training.evaluation.gate import Check, GateResult
from training.reports.report import Part, write_report

HOSTILE = "<script>alert(1)</script><img src=x onerror=\"alert(2)\">' onload='x"


class Elements(HTMLParser):
    """Collects the elements of a page, with the names of their attributes, and its words."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, ...]] = set()
        self.words = ""

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.found.add((tag, *(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def write(folder: Path, text: str) -> Elements:
    part = Part(text, 1, 1, 0.5, 0.4, 0.6, 0.5, 1, 1.0)
    case = Case(text, text, 1.0, 0.5, ((text, text, 0.1),))
    write_report(
        folder / "report.html",
        title=text,
        facts={text: text},
        metrics={text: 1.0},
        baseline={text: 1.0},
        intervals={text: (0.0, 1.0)},
        days=[part],
        slices=[part],
        false_positives=[case],
        false_negatives=[case],
        gate=GateResult((Check(text, False, text),)),
        plots=[],
    )
    elements = Elements()
    elements.feed((folder / "report.html").read_text(encoding="utf-8"))
    return elements


def test_hostile_values_stay_text(tmp_path: Path) -> None:
    assert write(tmp_path, HOSTILE).found == write(tmp_path, "plain").found
    assert write(tmp_path, HOSTILE).words.count("<script>alert(1)</script>") >= 10
