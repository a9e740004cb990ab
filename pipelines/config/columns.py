"""The columns of every table of a spec: schemas, suites and requests are made from them."""

from collections.abc import Mapping

from expectations import TableName
from expectations.contract import (
    AMOUNT,
    EVENT_TIME,
    KNOWN_TIME,
    LABEL,
    TRANSACTION_ID,
    AttributeKind,
    Column,
)
from feature_jobs.declaration import feature_columns
from pipelines.config.spec import ModelSpec

SCORE, PROBABILITY = "score", "probability"


def table_columns(spec: ModelSpec) -> Mapping[TableName, tuple[Column, ...]]:
    """Map each table to its columns, in order."""
    ids = (
        Column(name=TRANSACTION_ID, kind="key", is_required=True),
        Column(name=EVENT_TIME, kind="time", is_required=True),
        Column(name=KNOWN_TIME, kind="time", is_required=True),
    )
    rows = (*ids, *_entities(spec), _amount(spec), *_attributes(spec))
    label = Column(name=LABEL, kind="label", is_required=True, minimum=0, maximum=1)
    features = (*rows, *feature_columns(spec.features))
    shares = (
        Column(name=name, kind="number", is_required=True, minimum=0, maximum=1)
        for name in (SCORE, PROBABILITY)
    )
    return {
        "transactions": rows,
        "labels": (*ids, label),
        "features": features,
        "training_set": (*features, label),
        "scores": (*ids, *request_columns(spec), *shares),
    }


def request_columns(spec: ModelSpec) -> tuple[Column, ...]:
    """List every column that a model may read, in the order of the feature table."""
    return (_amount(spec), *_attributes(spec), *feature_columns(spec.features))


def request_kinds(spec: ModelSpec) -> dict[str, AttributeKind]:
    """Map every column that a model may read to its kind: numeric or categorical."""
    return {c.name: "numeric" if c.is_numeric else "categorical" for c in request_columns(spec)}


def model_kinds(spec: ModelSpec) -> dict[str, AttributeKind]:
    """Map the columns that the spec's model reads, and that a request holds, to their kind."""
    chosen, left = spec.training.columns, spec.training.leave_out
    return {
        name: kind
        for name, kind in request_kinds(spec).items()
        if (not chosen or name in chosen) and name not in left
    }


def _entities(spec: ModelSpec) -> tuple[Column, ...]:
    return tuple(Column(name=name, kind="key", is_required=True) for name in spec.source.entities)


def _amount(spec: ModelSpec) -> Column:
    bounds = spec.contract.amount
    return Column(
        name=AMOUNT,
        kind="number",
        is_required=True,
        minimum=bounds.minimum,
        maximum=bounds.maximum,
    )


def _attributes(spec: ModelSpec) -> tuple[Column, ...]:
    return tuple(
        Column(name=name, kind="number")
        if kind == "numeric"
        else Column(name=name, kind="text", allowed=spec.contract.allowed.get(name, ()))
        for name, kind in spec.attribute_kinds().items()
    )
