"""The quoted messages are those of the code."""

import ast
import re
from functools import cache

import pytest

from tests.docs.blocks import DOCS, ROOT

PRODUCT = ("pipelines", "feature_jobs", "training", "expectations", "infra")
PAGE = DOCS / "troubleshooting.md"
GAP = "…"


def quoted() -> list[str]:
    """Messages in the first column of the tables."""
    return re.findall(r"^\| `(.+?)` \| ", PAGE.read_text(encoding="utf-8"), re.M)


def text_of(node: ast.AST) -> str | None:
    """A text as it is written, a gap for each value that is put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(value) or GAP for value in node.values)
    if isinstance(node, ast.BinOp):
        return (text_of(node.left) or GAP) + (text_of(node.right) or GAP)
    return None


@cache
def messages() -> tuple[str, ...]:
    """Every text of the product's code."""
    found = set()
    for top in PRODUCT:
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                text = text_of(node)
                if text:
                    found.add(text)
    return tuple(found)


def pattern(message: str) -> re.Pattern[str]:
    """A quoted message, of which each gap stands for anything."""
    return re.compile(".*".join(map(re.escape, message.split(GAP))), re.S)


def test_many_messages_are_quoted() -> None:
    assert len(quoted()) >= 50
    assert len({*quoted()}) == len(quoted())


@pytest.mark.parametrize("message", quoted())
def test_a_quoted_message_begins_as_one_of_the_code(message: str) -> None:
    assert any(pattern(message).match(text) for text in messages())


def test_a_message_that_no_code_has_is_found() -> None:
    assert not any(pattern("There is no such … thing").match(text) for text in messages())
