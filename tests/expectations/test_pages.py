"""Pages show what people and data gave, and nothing of it becomes a part of the page."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pytest

from expectations.contract import Column
from expectations.custom import build_custom_suite
from expectations.pages import escape
from expectations.policy import AmountRange, Contract, CustomExpectation
from expectations.profile import Profiler
from expectations.run import quiet_great_expectations, validate_profile
from expectations.suites import build_transaction_suite

MARK = "injected"
NASTY = [
    f"<svg onload={MARK}()>",
    f"</script><script>{MARK}()</script>",
    f'"><img src=x onerror={MARK}()>',
    f"' onmouseover='{MARK}()",
    f"<!-- {MARK} -->",
    f"<a href=javascript:{MARK}()>x</a>",
    f"${{{MARK}}} $column {{{{ {MARK} }}}} {{% raw %}}",
    f'\\"; {MARK}(); //',
    f"&lt;{MARK}&gt; &amp;",
    "größe 数量 😀",
]


class Parts(HTMLParser):
    """Collects the elements, attributes, comments and scripts of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.attributes: list[tuple[str, str, str]] = []
        self.comments: list[str] = []
        self.elements: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(page: Path) -> Parts:
    parts = Parts()
    parts.feed(page.read_text(encoding="utf-8"))
    parts.close()
    return parts


def shape(page: Path) -> list[str]:
    """The elements of a page and the names of their attributes, in order."""
    parts = read(page)
    return [*parts.elements, *sorted({f"{tag} {name}" for tag, name, _ in parts.attributes})]


def write(folder: Path, texts: Sequence[str], *, names: Sequence[str]) -> list[Path]:
    """The pages of a table with these texts in its contract and its rows."""
    quiet_great_expectations()
    columns = (
        Column(name="transaction_id", kind="key", is_required=True),
        Column(name="event_time", kind="time", is_required=True),
        Column(name="known_time", kind="time", is_required=True),
        Column(name="amount", kind="number", is_required=True, minimum=0, maximum=10),
        *(Column(name=name, kind="text", allowed=tuple(texts)) for name in names),
    )
    given = [
        {"name": "expect_column_values_to_be_in_set", "value_set": list(texts)},
        {"name": "expect_column_values_to_not_be_in_set", "value_set": list(texts)},
        {"name": "expect_column_distinct_values_to_equal_set", "value_set": list(texts)},
        {"name": "expect_column_most_common_value_to_be_in_set", "value_set": [*texts, "none"]},
        *(
            {"name": "expect_column_values_to_match_regex", "regex": re.escape(text)[:300]}
            for text in texts
        ),
        {"name": "expect_column_values_to_be_unique", "description": " ".join(texts)},
        {"name": "expect_column_values_to_match_strftime_format", "strftime_format": "%Y"},
        {"name": "expect_column_value_lengths_to_equal", "value": 1,
         "condition_parser": "great_expectations",
         "row_condition": f'col("{names[0]}") != "{next(iter(safe(texts)), "x")}"'},
    ]  # fmt: skip
    declared = [CustomExpectation(column=names[0], severity="warn", **own) for own in given]
    moment = datetime(2025, 1, 1, 12, tzinfo=UTC)
    count = len(texts)
    rows = pa.table(
        {
            "transaction_id": list(range(count)),
            "event_time": pa.array([moment] * count, pa.timestamp("us", tz="UTC")),
            "known_time": pa.array([moment] * count, pa.timestamp("us", tz="UTC")),
            "amount": [99.0] * count,
            **{name: [f"{text} in a row" for text in texts] for name in names},
        }
    )
    profiler = Profiler(
        columns=columns, as_of=datetime(2025, 1, 2, tzinfo=UTC),
        happened_before=None, keep=["transaction_id", *names], trailing=28, judged=7,
    )  # fmt: skip
    profiler.add("2025-01-01", rows)
    contract = Contract(amount=AmountRange(minimum=0, maximum=10), expectations=tuple(declared))
    own = build_custom_suite(declared, "transactions", columns=[c.name for c in columns])
    found = validate_profile(
        profiler.finish(last="2025-01-01"), build_transaction_suite(columns, contract),
        table="transactions@v1", custom=own, docs=folder,
    )  # fmt: skip
    assert found.findings
    return sorted(folder.rglob("*.html"))


def safe(texts: Sequence[str]) -> list[str]:
    """Texts that a row condition may hold."""
    return [text for text in texts if not set(text) & set("\"'`\\")]


def test_nothing_that_data_or_people_gave_becomes_a_part_of_a_page(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain", [f"text{n}" for n in range(len(NASTY))], names=["channel"])
    nasty = write(tmp_path / "nasty", NASTY, names=["channel"])
    assert len(plain) == len(nasty) > 1
    elements = {part for page in plain for part in shape(page)}
    for page in nasty:
        parts = read(page)
        assert set(shape(page)) <= elements
        assert [c for c in parts.comments if MARK in c] == []
        assert [a for a in parts.attributes if MARK in a[1] or f"javascript:{MARK}" in a[2]] == []
        scripts = re.findall(r"<script\b[^>]*>(.*?)</script>", page.read_text(), re.DOTALL)
        assert [s for s in scripts if re.search(rf"^\s*{MARK}\(", s) or '\\"; ' in s] == []


def test_a_page_shows_the_texts_as_they_are(tmp_path: Path) -> None:
    pages = write(tmp_path / "nasty", NASTY, names=["channel"])
    told = " ".join("".join(read(page).texts) for page in pages)
    for text in NASTY:
        if not text.startswith("&lt;"):  # which a page cannot tell from what it was made of
            assert text in told, text


@pytest.mark.parametrize("text", NASTY)
def test_an_escaped_text_has_nothing_that_a_page_or_a_script_reads(text: str) -> None:
    assert not set(escape(text)) & set("<>\"'$\\{}")
