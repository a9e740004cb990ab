"""Draws a fenced block `sequence` as a sequence diagram; as text it reads like one too.

A line is `who -> whom: what`; `who -> who: what` is work of its own. Lanes stand in the order in
which they are named first.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from expectations.contract import InputError

LANE, ROW, HEAD, EDGE = 200, 34, 44, 82
OWN_WIDTH = 22


@dataclass(frozen=True, slots=True)
class Message:
    """One line of a sequence."""

    sender: str
    receiver: str
    text: str


def read_sequence(source: str) -> list[Message]:
    """Read the lines of a block.

    Raises:
        InputError: naming the line that is none.

    >>> read_sequence("dag -> lake: commit")
    [Message(sender='dag', receiver='lake', text='commit')]
    """
    messages = []
    for line in filter(None, map(str.strip, source.splitlines())):
        ends, found, text = line.partition(": ")
        sender, arrow, receiver = ends.partition(" -> ")
        if not (found and arrow):
            raise InputError(f"{line!r} is no line of a sequence. Write: who -> whom: what.")
        messages.append(Message(sender.strip(), receiver.strip(), text.strip()))
    return messages


def draw_sequence(messages: Sequence[Message]) -> str:
    """Draw a sequence as SVG, in the colours of the page."""
    lanes = list(dict.fromkeys(name for m in messages for name in (m.sender, m.receiver)))
    at = {name: EDGE + LANE * number for number, name in enumerate(lanes)}
    width, height = 2 * EDGE + LANE * (len(lanes) - 1), HEAD + ROW * len(messages) + 24
    parts = [
        f'<line class="lane" x1="{x}" y1="{HEAD - 12}" x2="{x}" y2="{height - 6}"/>'
        f'<rect class="box" x="{x - 78}" y="4" width="156" height="28" rx="4"/>'
        f'<text x="{x}" y="23" text-anchor="middle">{html.escape(name)}</text>'
        for name, x in at.items()
    ]
    for number, message in enumerate(messages):
        y = HEAD + ROW * number + 26
        parts.append(_arrow(at[message.sender], at[message.receiver], y, message.text))
    told = html.escape("; ".join(f"{m.sender} to {m.receiver}: {m.text}" for m in messages))
    return (
        f'<div class="picture"><svg viewBox="0 0 {width} {height}" width="{width}" role="img" '
        f'aria-label="{told}">{"".join(parts)}</svg></div>'
    )


def _arrow(begin: int, end: int, y: int, text: str) -> str:
    label = html.escape(text)
    if begin == end:
        path = f"M{begin} {y - 8} h{OWN_WIDTH} v14 h-{OWN_WIDTH - 4}"
        place = f'x="{begin + OWN_WIDTH + 6}" y="{y + 3}"'
    else:
        tip = end - 2 if end > begin else end + 2
        path = f"M{begin} {y} H{tip}"
        place = f'x="{(begin + end) / 2:g}" y="{y - 6}" text-anchor="middle"'
    head = end + (6 if end <= begin else -6)
    tip_y = y + 6 if begin == end else y
    return (
        f'<path class="arrow" d="{path}"/>'
        f'<path class="head" d="M{end} {tip_y} L{head} {tip_y - 4} V{tip_y + 4} Z"/>'
        f'<text class="message" {place}>{label}</text>'
    )


def format_sequence(source: str, *_: Any, **__: Any) -> str:
    """Draw a block, as the Markdown extension asks for it."""
    return draw_sequence(read_sequence(source))
