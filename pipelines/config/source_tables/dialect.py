"""The way in which the values of a delivered table are written, for every format alike.

Marks, words and formats of texts are checked here, before a file is opened.
"""

import codecs
import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from expectations.contract import FrozenModel

# What each directive of a time format stands for in a text.
DIRECTIVES = {
    "Y": r"(?P<Y>\d{4})", "y": r"(?P<y>\d{2})", "m": r"(?P<m>\d{1,2})", "d": r"(?P<d>\d{1,2})",
    "b": r"(?P<b>[A-Za-z]{3})", "B": r"(?P<B>[A-Za-z]+)", "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<I>\d{1,2})", "M": r"(?P<M>\d{1,2})", "S": r"(?P<S>\d{1,2})", "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[AaPp][Mm])", "z": r"(?P<z>Z|[+-]\d{2}:?\d{2})",
}  # fmt: skip
_SHORTHANDS = {"T": "%H:%M:%S", "F": "%Y-%m-%d", "R": "%H:%M", "D": "%m/%d/%y"}


def expand_time_format(written: str) -> list[tuple[str, str]]:
    """Split a time format into pairs of literal text and the directive behind it.

    Raises:
        ValueError: for a directive that is not known, or that stands twice.

    >>> expand_time_format("%d.%m.%Y!")
    [('', 'd'), ('.', 'm'), ('.', 'Y'), ('!', '')]
    """
    for letter, long in _SHORTHANDS.items():
        written = written.replace(f"%{letter}", long)
    parts = re.split(r"%(.|$)", written, flags=re.DOTALL)
    pairs, text = [], ""
    for literal, directive in zip(parts[::2], [*parts[1::2], ""], strict=True):
        text += literal
        if directive == "%":
            text += "%"
            continue
        if directive and directive not in DIRECTIVES:
            known = ", ".join(f"%{letter}" for letter in (*DIRECTIVES, *_SHORTHANDS))
            raise ValueError(f"%{directive} is not known; there are {known}")
        pairs.append((text, directive))
        text = ""
    directives = [directive for _, directive in pairs if directive]
    if len({*directives}) < len(directives):
        raise ValueError("a directive stands there twice; write each once")
    if not {"Y", "y"} & {*directives} or not {"m", "b", "B"} & {*directives}:
        raise ValueError("a time needs a year and a month (%Y and %m); add them")
    return pairs


def _time_format(written: str) -> str:
    expand_time_format(written)
    return written


def _encoding(name: str) -> str:
    try:
        b" ".decode(codecs.lookup(name).name, "replace")  # refuses codecs of other than texts
    except LookupError as error:
        raise ValueError("there is no such encoding; give utf-8, latin-1, cp1252 …") from error
    return name


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("there is no such time zone; give one such as Europe/Berlin") from error
    return name


def _mark(mark: str) -> str:
    if len(mark) != 1 or mark.isalnum() or mark in '+-"\r\n':
        raise ValueError('give one character that is no digit, letter, sign or quote, such as ";"')
    return mark


Mark = Annotated[str, AfterValidator(_mark)]


class Dialect(FrozenModel):
    """The way in which the values of a table are written.

    Attributes:
        delimiter: character between the cells of a CSV row; none: a comma.
        decimal_mark: of numbers that are text, `.` or `,`; none: a point.
        thousands_mark: between groups of digits of such numbers; none: there is none.
        encoding: of text files, such as `latin-1`; none: UTF-8.
        time_zone: of times that do not say their own, such as `Europe/Berlin`; none: UTC. Of the
            two readings of the hour that comes twice in autumn, the earlier is taken.
        time_format: of times that are text, such as `%d.%m.%Y %H:%M`; none: ISO 8601.
        true_values: texts that mean 1 in a label or a numeric attribute, beside `true`.
        false_values: texts that mean 0 there, beside `false`.
        missing_values: texts that stand for a missing value in any column, beside an empty one;
            in columns of numbers and times `NULL`, `NA` and `NaN` are missing anyway.
    """

    delimiter: Mark | None = None
    decimal_mark: Literal[".", ","] | None = None
    thousands_mark: Mark | None = None
    encoding: Annotated[str, AfterValidator(_encoding)] | None = None
    time_zone: Annotated[str, AfterValidator(_time_zone)] | None = None
    time_format: Annotated[str, AfterValidator(_time_format)] | None = None
    true_values: tuple[str, ...] | None = None
    false_values: tuple[str, ...] | None = None
    missing_values: tuple[str, ...] | None = None
