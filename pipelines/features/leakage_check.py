"""A proof for one spec and date that nothing as of it depends on what became known later.

Features and the training set are built twice: from what was known at T, and after a delivery of
later transactions, late arrivals, corrections, withdrawals and contrary labels. Every column of
every row known at T has to be equal, bit by bit, and so has the training set as of T.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    TRANSACTION_ID,
    InputError,
    OvernightError,
    UndeclaredError,
)
from pipelines.config import ModelSpec, Snapshot, load_spec
from pipelines.config.installation import Session, load_settings
from pipelines.features.build import build_feature_version
from pipelines.features.later_delivery import LaterDelivery, invent_delivery, known_by
from pipelines.features.training_set import TRAINING_SETS, NoMatureRowsError, assemble
from pipelines.ingestion import LABELS, TRANSACTIONS, merge_delivery, only_known
from pipelines.lake import Lake, parse_as_of

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Built:
    """Everything that is built of a snapshot.

    Attributes:
        features: one line a transaction.
        training_set: as of the cutoff; None if no row was mature, or no labels are declared.
    """

    features: pa.Table
    training_set: pa.Table | None


Tables = tuple[pa.Table, pa.Table]
Build = Callable[[pa.Table, pa.Table], Built]
Merge = Callable[[pa.Table, pa.Table, LaterDelivery], Tables]


def prove_no_leak(reference: str, as_of: str) -> str:
    """Prove that nothing as of a time changes with later rows, labels and corrections.

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
    rows = known_by(lake.read(rows_at), cutoff)
    labels = only_known(lake.read(labels_at), cutoff)
    if rows.num_rows == 0:
        raise InputError(f"{rows_at} holds no transaction known before {as_of}.")
    with tempfile.TemporaryDirectory() as folder:
        roots = iter((f"{folder}/before", f"{folder}/after"))
        proof = find_leaks(
            lambda r, la: _build(spec, r, la, root=next(roots), cutoff=cutoff),
            lambda r, la, later: merge_in_lake(spec, r, la, later, root=f"{folder}/merged"),
            rows,
            labels,
            later=invent_delivery(spec, rows, labels, cutoff),
        )
    if proof.leaks:
        raise OvernightError(
            f"{spec.name} as of {as_of} changes with what became known later:\n"
            + "\n".join(f"  - {line}" for line in proof.leaks)
            + "\nA feature that reads a value before it was known needs a delay in its window."
        )
    later = proof.later
    return (
        f"No leak in {spec.name} as of {as_of}: {proof.rows:,} rows x {proof.columns} columns and "
        f"a training set of {proof.training_rows:,} rows are equal with {later.new:,} later rows, "
        f"{later.corrected:,} corrections, {later.withdrawn:,} withdrawals and {later.labels:,} "
        "later labels"
    )


@dataclass(frozen=True, slots=True)
class Proof:
    """The result of comparing two builds.

    Attributes:
        leaks: one line for each column that differs, with transactions; none: no leak.
        rows: rows known at the cutoff, each compared in every column.
        columns: how many were compared.
        training_rows: rows of the training set, each compared too.
        later: the delivery between the builds.
    """

    leaks: tuple[str, ...]
    rows: int
    columns: int
    training_rows: int
    later: LaterDelivery


def find_leaks(
    build: Build, merge: Merge, rows: pa.Table, labels: pa.Table, *, later: LaterDelivery
) -> Proof:
    """Build from what was known at a time, then with a later delivery merged, and compare.

    Args:
        build: from transactions and labels to the features and the training set as of the time.
        merge: from transactions, labels and the delivery to the tables after it.
        rows: transactions known before the time.
        labels: labels known before the time.
        later: everything in it becomes known at the time or after it.
    """
    before = build(rows, labels)
    after = build(*merge(rows, labels, later))
    own = rows[TRANSACTION_ID].combine_chunks()
    known = after.features.filter(pc.is_in(after.features[TRANSACTION_ID], value_set=own))
    leaks = compare_columns(before.features, known)
    one, other = before.training_set, after.training_set
    if one is not None and other is not None:
        leaks += [f"training set, {line}" for line in compare_columns(one, other)]
    elif one is not other:
        leaks.append("training set, the rows themselves differ")
    return Proof(
        leaks=tuple(leaks),
        rows=before.features.num_rows,
        columns=before.features.num_columns,
        training_rows=0 if one is None else one.num_rows,
        later=later,
    )


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


def merge_in_lake(
    spec: ModelSpec, rows: pa.Table, labels: pa.Table, later: LaterDelivery, *, root: str
) -> Tables:
    """File a delivery as ingestion does, in a lake that holds what was known before it."""
    lake = Lake(root, spec=spec.name)
    _write(lake, rows, labels)
    filed = merge_delivery(spec, lake, later.rows, later.reports, arrival=later.arrival)
    return lake.read(filed.transactions), lake.read(filed.labels)


def _write(lake: Lake, rows: pa.Table, labels: pa.Table) -> Snapshot:
    return Snapshot(
        lake.write_days(TRANSACTIONS, rows, fingerprint="proof"),
        lake.write_days(LABELS, labels, fingerprint="proof"),
    )


def _build(
    spec: ModelSpec, rows: pa.Table, labels: pa.Table, *, root: str, cutoff: datetime
) -> Built:
    lake = Lake(root, spec=spec.name)
    snapshot = _write(lake, rows, labels)
    features = build_feature_version(spec, lake, snapshot)
    try:
        at = assemble(
            spec, lake, TRAINING_SETS, as_of=cutoff.isoformat(), pinned=snapshot, features=features
        )
    except (NoMatureRowsError, UndeclaredError):
        return Built(lake.read(features), None)
    return Built(lake.read(features), lake.read(at))
