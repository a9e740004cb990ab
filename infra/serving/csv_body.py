"""Reads a request's CSV into rows, and writes predictions as CSV.

With a header row the columns may stand in any order; without one they stand in the model's. An
empty cell is a missing value.
"""

import csv
import io
import re
from collections.abc import Mapping

from infra.serving.bundle import Feature
from infra.serving.refusal import RequestError
from infra.serving.request import Request
from infra.serving.scorer import Prediction
from infra.serving.signature import MAX_LISTED_PROBLEMS, MAX_SHOWN_NAME, Instance, Signature, refuse

# What JSON calls a number, and a plus sign or a bare point as spreadsheets write them.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

REPLY_HEADER = ("score", "probability", "decision", "threshold", "reasons")


class CsvReader:
    """Reads the requests of one model."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._kinds = {feature.name: feature.kind for feature in signature.features}

    def read(self, body: bytes) -> Request:
        """The rows of a body.

        Raises:
            RequestError: when it is no CSV, or its columns or cells are not the model's.
        """
        table = _parse(body)
        if not table:
            raise RequestError("The body holds no rows; send at least one.")
        names = list(self._kinds)
        if _is_header(table[0], self._signature.features):
            names = table.pop(0)
            _refuse_columns(names, self._kinds)
        _refuse_widths(table, width=len(names))
        instances = [self._instance(names, cells) for cells in table]
        return Request(self._signature.rows(instances, unknown_categories="refuse"))

    def _instance(self, names: list[str], cells: list[str]) -> Instance:
        return {
            name: _number(cell) if self._kinds[name] == "numeric" else cell or None
            for name, cell in zip(names, cells, strict=True)
        }


def write_csv(predictions: list[Prediction]) -> bytes:
    """A header and a line a prediction; reasons as `feature:contribution`, joined by semicolons."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(REPLY_HEADER)
    for each in predictions:
        reasons = ";".join(f"{r.feature}:{r.contribution!r}" for r in each.reasons or ())
        writer.writerow([each.score, each.probability, each.decision, each.threshold, reasons])
    return sink.getvalue().encode()


def _parse(body: bytes) -> list[list[str]]:
    try:
        text = body.decode("utf-8-sig")
        return [cells for cells in csv.reader(io.StringIO(text, newline=""), strict=True) if cells]
    except UnicodeDecodeError as error:
        raise RequestError("The body is not UTF-8; send CSV in UTF-8.") from error
    except csv.Error as error:
        raise RequestError(f"The body is not CSV: {error}.") from error


def _is_header(cells: list[str], features: tuple[Feature, ...]) -> bool:
    """Whether a row holds names: one of a feature, and no number or empty cell."""
    names = {feature.name for feature in features}
    return not names.isdisjoint(cells) and all(c and not NUMBER.fullmatch(c) for c in cells)


def _refuse_columns(names: list[str], known: Mapping[str, str]) -> None:
    problems = [f"{n[:MAX_SHOWN_NAME]}: unknown column" for n in set(names) - known.keys()]
    problems += [f"{name}: no such column; an empty cell is a missing value" for name in known
                 if name not in names]  # fmt: skip
    problems += [f"{n[:MAX_SHOWN_NAME]}: stands twice" for n in set(names) if names.count(n) > 1]
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
    """A number, None for an empty cell; text stays text, for the signature to refuse."""
    if not cell:
        return None
    return float(cell) if NUMBER.fullmatch(cell) else cell
