"""A proof for one spec and date that features do not depend on what became known later.

Features are built twice: from what was known at T, and from that with later transactions, late
arrivals, labels and corrections of labels added. Every column of every row known at T has to be
equal, bit by bit.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    AMOUNT,
    EVENT_DAY,
    EVENT_TIME,
    KNOWN_TIME,
    LABEL,
    TRANSACTION_ID,
    InputError,
    OvernightError,
)
from pipelines.config import ModelSpec, Snapshot, load_spec
from pipelines.config.installation import Session, load_settings
from pipelines.features.build import build_feature_version
from pipelines.ingestion import LABELS, TIMESTAMP, TRANSACTIONS, only_known
from pipelines.lake import Lake, parse_as_of

EXAMPLES = 5
LATER_ROWS = 2_000


Build = Callable[[pa.Table, pa.Table], pa.Table]


def prove_no_leak(reference: str, as_of: str) -> str:
    """Prove that no feature of a spec changes with later rows, labels and corrections.

    Raises:
        OvernightError: naming each column that differs, with transactions.
    """
    spec, cutoff, settings = load_spec(reference), parse_as_of(as_of), load_settings()
    if not isinstance(settings.spark, Session):
        raise InputError(
            "The proof builds in a folder of this machine, which EMR Serverless does not see. Run "
            'it with OVERNIGHT_SPARK="local[*]".'
        )
    lake = Lake(settings.lake, spec=spec.name)
    rows_at, labels_at = lake.latest(TRANSACTIONS), lake.latest(LABELS)
    if rows_at is None or labels_at is None:
        raise InputError(f'{spec.name} has no data yet. Run "overnight ingest" first.')
    rows = only_known(lake.read(rows_at), cutoff)
    labels = only_known(lake.read(labels_at), cutoff)
    if rows.num_rows == 0:
        raise InputError(f"{rows_at} holds no transaction known before {as_of}.")
    with tempfile.TemporaryDirectory() as folder:
        roots = iter((f"{folder}/before", f"{folder}/after"))
        proof = find_leaks(
            lambda r, la: _build(spec, r, la, root=next(roots)), rows, labels, cutoff=cutoff
        )
    if proof.leaks:
        raise OvernightError(
            f"Features of {spec.name} as of {as_of} change with what became known later:\n"
            + "\n".join(f"  - {line}" for line in proof.leaks)
            + "\nThe column reads a value before it was known. Give its window a delay."
        )
    return (
        f"No leak in {spec.name} as of {as_of}: {proof.rows:,} rows x {proof.columns} columns are "
        f"equal with {proof.later_rows:,} later rows and {proof.later_labels:,} later labels"
    )


@dataclass(frozen=True, slots=True)
class Proof:
    """The result of comparing two builds.

    Attributes:
        leaks: one line for each column that differs, with transactions; none: no leak.
        rows: rows known at the cutoff, each compared in every column.
        columns: how many were compared.
        later_rows: transactions that were added.
        later_labels: labels and corrections of labels that were added.
    """

    leaks: tuple[str, ...]
    rows: int
    columns: int
    later_rows: int
    later_labels: int


def find_leaks(build: Build, rows: pa.Table, labels: pa.Table, *, cutoff: datetime) -> Proof:
    """Build from what was known at a time, then with later rows and labels added, and compare.

    Args:
        build: from transactions and labels to one line of features a transaction.
        rows: transactions known before the cutoff.
        labels: labels known before the cutoff.
        cutoff: everything that is added becomes known at it or after it.
    """
    later = invent_later_rows(rows, cutoff)
    later_labels = invent_later_labels(pa.concat_tables([rows, later]), labels, cutoff)
    before = build(rows, labels)
    after = build(pa.concat_tables([rows, later]), pa.concat_tables([labels, later_labels]))
    known = pc.is_in(after[TRANSACTION_ID], value_set=rows[TRANSACTION_ID].combine_chunks())
    return Proof(
        leaks=tuple(compare_columns(before, after.filter(known))),
        rows=before.num_rows,
        columns=before.num_columns,
        later_rows=later.num_rows,
        later_labels=later_labels.num_rows,
    )


def invent_later_rows(rows: pa.Table, cutoff: datetime) -> pa.Table:
    """Invent transactions that become known at or after the cutoff: new ones, and late arrivals.

    Copies of the latest rows with ids of their own and ten times the amount; every second one
    keeps its event time (it happened before the cutoff and arrives after it).
    """
    latest = rows.sort_by([(EVENT_TIME, "descending")]).slice(0, LATER_ROWS)
    count = latest.num_rows
    late = np.arange(count) % 2 == 0
    span = pa.scalar(timedelta(days=1), type=pa.duration("us"))
    shifted = pc.add(pa.scalar(cutoff, type=TIMESTAMP), pc.multiply(
        span, pa.array(np.arange(count) % 7)))  # fmt: skip
    event_time = pc.if_else(pa.array(late), latest[EVENT_TIME].combine_chunks(), shifted)
    known_time = pc.add(pa.array([cutoff] * count, TIMESTAMP), pa.array(
        np.arange(count) % 7 * 86_400_000_000).cast(pa.duration("us")))  # fmt: skip
    ids = latest.schema.field(TRANSACTION_ID).type
    if pa.types.is_integer(ids):
        top = pc.max(rows[TRANSACTION_ID]).as_py()
        fresh = pa.array(np.arange(top + 1, top + 1 + count), ids)
    else:
        fresh = pa.array([f"~later-{n}" for n in range(count)], ids)
    columns = {name: latest[name] for name in latest.column_names} | {
        TRANSACTION_ID: fresh,
        EVENT_TIME: event_time,
        KNOWN_TIME: known_time,
        AMOUNT: pc.multiply(latest[AMOUNT], 10.0),
        EVENT_DAY: pc.strftime(event_time, format="%Y-%m-%d").cast(pa.string()),
    }
    return pa.table(columns, schema=rows.schema)


def invent_later_labels(rows: pa.Table, labels: pa.Table, cutoff: datetime) -> pa.Table:
    """Invent labels that become known at the cutoff, or with their transaction if it is later.

    A fraud for every transaction that had no label by then, and a correction to the contrary for
    every one that had.
    """
    instant = pa.scalar(cutoff, type=TIMESTAMP)
    frauds = labels.filter(pc.equal(labels[LABEL], 1))[TRANSACTION_ID].combine_chunks()
    was_fraud = pc.is_in(rows[TRANSACTION_ID], value_set=frauds)
    columns = {
        TRANSACTION_ID: rows[TRANSACTION_ID],
        EVENT_TIME: rows[EVENT_TIME],
        KNOWN_TIME: pc.if_else(pc.greater(rows[KNOWN_TIME], instant), rows[KNOWN_TIME], instant),
        LABEL: pc.invert(was_fraud).cast(pa.int8()),
        EVENT_DAY: rows[EVENT_DAY],
    }
    return pa.table(columns, schema=labels.schema)


def compare_columns(before: pa.Table, after: pa.Table) -> list[str]:
    """Name every column that differs between two tables, with transactions where it does."""
    left, right = (t.sort_by([(TRANSACTION_ID, "ascending")]) for t in (before, after))
    if left[TRANSACTION_ID] != right[TRANSACTION_ID]:
        return ["the rows themselves differ"]
    differing = []
    for name in left.column_names:
        one, other = left[name].combine_chunks(), right[name].combine_chunks()
        same = pc.fill_null(pc.equal(one, other), fill_value=False)
        both_null = pc.and_(one.is_null(nan_is_null=True), other.is_null(nan_is_null=True))
        positions = np.flatnonzero(~np.asarray(pc.or_(same, both_null)))
        if len(positions):
            ids = left[TRANSACTION_ID].take(pa.array(positions[:EXAMPLES])).to_pylist()
            differing.append(f"{name}: {len(positions):,} rows, such as transactions {ids}")
    return differing


def _build(spec: ModelSpec, rows: pa.Table, labels: pa.Table, *, root: str) -> pa.Table:
    lake = Lake(root, spec=spec.name)
    snapshot = Snapshot(
        lake.write_days(TRANSACTIONS, rows, fingerprint="proof"),
        lake.write_days(LABELS, labels, fingerprint="proof"),
    )
    return lake.read(build_feature_version(spec, lake, snapshot))
