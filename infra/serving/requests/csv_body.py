"""Reads a request's CSV into rows, and writes predictions as CSV.

With a header row the columns may stand in any order; without one they stand in the model's. An
empty cell is a missing value.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain, islice

from infra.serving.model import (
    MAX_INSTANCES,
    MAX_LISTED_PROBLEMS,
    Instance,
    Prediction,
    RequestError,
    Signature,
    refuse,
    refuse_many,
    shown,
)
from infra.serving.requests.request import Request

# What JSON calls a number, and a plus sign or a bare point as spreadsheets write them.
# No digit can be matched in two ways: many of them before a letter would take the square of it.
NUMBER = re.compile(r"[+-]?(\d++(\.\d*+)?|\.\d++)([eE][+-]?\d++)?", re.ASCII)

REPLY_HEADER = ("score", "probability", "decision", "threshold", "reasons")


class CsvReader:
    """Reads the requests of one model."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._kinds = {feature.name: feature.kind for feature in signature.features}

    def read(self, body: bytes) -> Request:
        """Parse a body into rows.

        Raises:
            RequestError: when it is no CSV, or its columns or cells are not the model's.
        """
        try:
            return self._read(body.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise RequestError("The body is not UTF-8; send CSV in UTF-8.") from error
        except csv.Error as error:
            raise RequestError(f"The body is not CSV: {error}.") from error

    def _read(self, text: str) -> Request:
        rows = _rows_of(text)
        first = next(rows, None)
        if first is None:
            raise RequestError("The body holds no rows; send at least one.")
        _refuse_wide(first, known=len(self._kinds))
        names = list(self._kinds)
        if self._is_header(first):
            names = first
            _refuse_columns(names, self._kinds)
        else:
            rows = chain([first], rows)
        # One more than a request may hold, so that the count shows that there are more.
        table = list(islice(rows, MAX_INSTANCES + 1))
        refuse_many(len(table))
        _refuse_widths(table, width=len(names))
        instances = [self._instance(names, cells) for cells in table]
        return Request(self._signature.rows(instances, unknown_categories="refuse"))

    def _is_header(self, cells: list[str]) -> bool:
        """Return True if a row holds names: one of a feature, and no number or empty cell."""
        is_named = not self._kinds.keys().isdisjoint(cells)
        return is_named and all(c and not NUMBER.fullmatch(c) for c in cells)

    def _instance(self, names: list[str], cells: list[str]) -> Instance:
        return {
            name: _number(cell) if self._kinds[name] == "numeric" else cell or None
            for name, cell in zip(names, cells, strict=True)
        }


def write_csv(predictions: list[Prediction]) -> bytes:
    """Write predictions as CSV; reasons are `feature:contribution`, joined by semicolons."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(REPLY_HEADER)
    for each in predictions:
        reasons = ";".join(f"{r.feature}:{r.contribution!r}" for r in each.reasons or ())
        writer.writerow([each.score, each.probability, each.decision, each.threshold, reasons])
    return sink.getvalue().encode()


def _rows_of(text: str) -> Iterator[list[str]]:
    """Yield rows of cells one by one, so that the first can be checked before the rest is read."""
    return (cells for cells in csv.reader(io.StringIO(text, newline=""), strict=True) if cells)


def _refuse_wide(cells: list[str], *, known: int) -> None:
    """Refuse a row that cannot be the model's, before each of its cells is looked at."""
    if len(cells) > known + MAX_LISTED_PROBLEMS:
        raise RequestError(
            f"The first row has {len(cells):,} cells; the model has {known} columns. "
            "Send those alone."
        )


def _refuse_columns(names: list[str], known: Mapping[str, str]) -> None:
    counts = Counter(names)
    problems = [f"{shown(n)}: unknown column" for n in counts.keys() - known.keys()]
    problems += [
        f"{name}: no such column; an empty cell is a missing value"
        for name in known.keys() - counts.keys()
    ]
    problems += [f"{shown(n)}: stands twice" for n, count in counts.items() if count > 1]
    if problems:
        _refuse_sorted(problems)


def _refuse_widths(table: list[list[str]], *, width: int) -> None:
    if not table:
        raise RequestError("The body holds a header and no rows; send at least one.")
    problems = [
        f"instances[{position}]: {len(cells)} cells, expected {width}"
        for position, cells in enumerate(table)
        if len(cells) != width
    ]
    if problems:
        listed = problems[:MAX_LISTED_PROBLEMS]
        refuse(listed, unlisted=len(problems) - len(listed))


def _refuse_sorted(problems: list[str]) -> None:
    listed = sorted(problems)[:MAX_LISTED_PROBLEMS]
    refuse(listed, unlisted=len(problems) - len(listed))


def _number(cell: str) -> object:
    """Parse a cell: a number, None when empty; text stays text, and the signature refuses it."""
    if not cell:
        return None
    return float(cell) if NUMBER.fullmatch(cell) else cell
