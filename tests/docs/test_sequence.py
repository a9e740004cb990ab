"""Sequence diagrams from text."""

import xml.etree.ElementTree as ET

import pytest

from docs.site.layers import draw_layers, read_layers
from docs.site.sequence import Message, draw_sequence, format_sequence, read_sequence
from expectations.contract import InputError
from tests.docs.blocks import DOCS, blocks


def test_lines_become_messages() -> None:
    assert read_sequence("a -> b: x: y\n\nb -> b: work\n") == [
        Message("a", "b", "x: y"), Message("b", "b", "work"),
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["a, b: x", "a -> b", "nothing"])
def test_a_line_of_another_form_is_refused(line: str) -> None:
    with pytest.raises(InputError, match="who -> whom: what"):
        read_sequence(line)


def test_every_lane_and_message_is_drawn_and_escaped() -> None:
    drawn = ET.fromstring(draw_sequence(read_sequence("a & b -> c: <x>\nc -> c: y")))
    texts = [element.text for element in drawn.iter() if element.tag.endswith("text")]
    assert texts == ["a & b", "c", "<x>", "y"]


def test_every_sequence_of_the_pages_is_drawn() -> None:
    drawn = [
        format_sequence(block.text)
        for page in DOCS.rglob("*.md")
        for block in blocks(page)
        if block.kind == "sequence"
    ]
    assert len(drawn) == 5


def test_layers_are_those_of_the_import_rules() -> None:
    top = read_layers()
    assert top[0] == ["pipelines"]
    assert top[-1] == ["expectations.contract"]
    assert read_layers("pipelines")[0] == ["cli"]
    drawn = ET.fromstring(draw_layers(top, "all"))
    boxes = [element for element in drawn.iter() if element.tag.endswith("rect")]
    assert len(boxes) == sum(len(layer) for layer in top)
