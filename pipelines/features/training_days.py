"""The days of a training set: the rows of one, and the knowledge times that give the same rows.

A day's rows depend on its parts of features and labels, and on which of their times lie before the
knowledge time. Between two of those times nothing changes, so a day whose parts are the same is not
read again until the knowledge time passes one of them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_TIME, KNOWN_TIME, LABEL, TRANSACTION_ID
from pipelines.config import ModelSpec
from pipelines.ingestion import TIMESTAMP

FORMAT = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class MadeDay:
    """The inputs of a day; its rows are the same for every knowledge time in `(after, until]`.

    Attributes:
        inputs: digest of its parts of features and labels, and of the part of the day that the
            training set takes.
        after: None: no bound.
        until: None: no bound.
        frauds: rows whose label is fraud.
    """

    inputs: str
    after: datetime | None
    until: datetime | None
    frauds: int

    def is_made_of(self, inputs: str, as_of: datetime) -> bool:
        """Return True if these inputs give the same rows at a knowledge time."""
        later = self.after is None or self.after < as_of
        return self.inputs == inputs and later and (self.until is None or as_of <= self.until)


def write_note(rules: str, days: Mapping[str, MadeDay]) -> str:
    """Write what the days were made of as the note of a version.

    Args:
        rules: digest of all that the rows depend on beside the parts and the knowledge time.
        days: those without a row too.
    """
    made = {
        day: [each.inputs, _number(each.after), _number(each.until), each.frauds]
        for day, each in days.items()
    }
    return json.dumps([FORMAT, rules, made], separators=(",", ":"))


def read_note(text: str | None, *, rules: str) -> Mapping[str, MadeDay]:
    """Parse the note of a version; no days if it has none, or other rules."""
    if text is None:
        return {}
    number, noted, days = json.loads(text)
    if number != FORMAT or noted != rules:
        return {}
    return {
        day: MadeDay(inputs, _time(after), _time(until), frauds)
        for day, (inputs, after, until, frauds) in days.items()
    }


def make_day(
    features: pa.Table, labels: pa.Table, *, spec: ModelSpec, as_of: datetime, inputs: str
) -> tuple[pa.Table, MadeDay]:
    """Label the feature rows of a day, and find the knowledge times that give the same rows.

    Args:
        features: rows of the day that the training set takes.
        labels: `transaction_id`, `known_time`, `is_fraud` of the same day's transactions.
        spec: defines the rules of labels.
        as_of: the knowledge time.
        inputs: digest of the parts that both were read from.
    """
    rows = label_rows(features, labels, spec=spec, as_of=as_of)
    maturity = pa.scalar(spec.labels.maturity, type=pa.duration("us"))
    bounds = [
        features[KNOWN_TIME],
        pc.add(features[EVENT_TIME], maturity),
        labels[KNOWN_TIME],
    ]
    cutoff = pa.scalar(as_of, type=TIMESTAMP)
    before = [pc.max(each.filter(pc.less(each, cutoff))).as_py() for each in bounds]
    behind = [pc.min(each.filter(pc.greater_equal(each, cutoff))).as_py() for each in bounds]
    return rows, MadeDay(
        inputs,
        after=max((t for t in before if t is not None), default=None),
        until=min((t for t in behind if t is not None), default=None),
        frauds=pc.sum(rows[LABEL]).as_py() or 0,
    )


def label_rows(
    features: pa.Table, labels: pa.Table, *, spec: ModelSpec, as_of: datetime
) -> pa.Table:
    """Attach the label as it was known at `as_of`; rows with an unknown label are left out.

    Of the labels of a transaction the newest counts; null is unknown again. With a label column, a
    row's own label counts once its `known_time` has come. With a table of fraud reports, a row
    without a report known by then is legitimate once it is mature.

    Args:
        features: rows before `as_of - maturity` only.
        labels: `transaction_id`, `known_time`, `is_fraud`.
        spec: defines which of the two forms the labels have.
        as_of: the knowledge time; labels and rows known at or after it are ignored.
    """
    cutoff = pa.scalar(as_of, type=TIMESTAMP)
    known = labels.filter(pc.less(labels[KNOWN_TIME], cutoff))
    # The first of several positions is taken, so the newest label.
    known = known.sort_by([(KNOWN_TIME, "descending")]).combine_chunks()
    position = pc.index_in(
        features[TRANSACTION_ID], value_set=known[TRANSACTION_ID].combine_chunks()
    ).combine_chunks()
    label = known[LABEL].combine_chunks().take(position)
    if spec.labels.column is None:
        label = pc.if_else(position.is_null(), pa.scalar(0, label.type), label)
    mature = as_of - spec.labels.maturity
    old = pc.less(features[EVENT_TIME], pa.scalar(mature, type=TIMESTAMP))
    arrived = pc.less(features[KNOWN_TIME], cutoff)
    keep = pc.and_(label.is_valid(), pc.and_(old, arrived).combine_chunks())
    filled = pc.fill_null(label, 0).cast(pa.int8())
    return features.append_column(LABEL, filled).filter(keep)


def _number(time: datetime | None) -> int | None:
    """Write a time as microseconds since 1970."""
    return None if time is None else (time - _EPOCH) // _MICROSECOND


def _time(number: int | None) -> datetime | None:
    return None if number is None else _EPOCH + number * _MICROSECOND
