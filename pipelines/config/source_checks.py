"""Checks of `[source]` and `[labels]` against each other: names, types, the two forms of labels."""

from collections import Counter
from collections.abc import Iterator, Mapping

from expectations.contract import RESERVED, TRANSACTION_ID
from pipelines.config.source_tables.dialect import Dialect
from pipelines.config.source_tables.joined_checks import joined_problems
from pipelines.config.sources import ComposedId, Labels, Source


def source_problems(source: Source, labels: Labels) -> list[str]:
    """Find wrong names and types, an incomplete form of labels, and marks that contradict."""
    return [
        *_origin_problems(source, labels),
        *_name_problems(source, labels),
        *_type_problems(source),
        *_id_problems(source, labels),
        *_dialect_problems("source", source),
        *_dialect_problems("labels", labels),
        *joined_problems(source),
        *(p for t in source.tables for p in _dialect_problems(f"source.tables.{t.name}", t)),
        *_label_problems(labels),
    ]


def _origin_problems(source: Source, labels: Labels) -> Iterator[str]:
    """Find a source without an origin or with two, and keys of a query that do not fit."""
    if source.path is None and source.query is None:
        yield "source.path: missing; add it, or query and connection"
    for table, each, connection in (
        ("source", source, source.connection),
        ("labels", labels, labels.connection or source.connection),
    ):
        if each.query is None:
            for key in ("connection", "incremental", "overlap"):
                if getattr(each, key) is not None:
                    yield f"{table}.{key}: is for a query; add {table}.query, or remove it"
            continue
        if each.path is not None:
            yield f"{table}.query: {table}.path is given too; remove one of the two"
        if connection is None:
            yield f"{table}.connection: missing; add the name of the query's database"
        for key in ("format", "delimiter", "encoding"):
            if key in each.model_fields_set and getattr(each, key) is not None:
                yield f"{table}.{key}: is for files; remove it, or {table}.query"
        if each.overlap is not None and each.incremental is None:
            yield f"{table}.overlap: is for an incremental query; add {table}.incremental"
        if each.incremental is not None and each.is_full:
            yield (
                f"{table}.is_full: an incremental query leaves rows out that are still there; "
                f"remove it, or {table}.incremental"
            )


def _name_problems(source: Source, labels: Labels) -> Iterator[str]:
    names = [*source.entities, *source.attributes]
    # Spark and Delta take two names of different case for one.
    times = Counter(name.lower() for name in names)
    for name in names:
        if name.lower() in RESERVED or times[name.lower()] > 1:
            yield (
                f"source: the name {name!r} is used twice or reserved (in any case); choose another"
            )
    if labels.column is not None:
        read = {
            f"source.attributes.{name}": attribute.column
            for name, attribute in source.attributes.items()
        }
        read |= {f"source.entities.{name}": column for name, column in source.entities.items()}
        for key, column in read.items():
            if column == labels.column:
                yield (
                    f"{key}: {column!r} is the label, which is not known when the row happens; "
                    "remove it"
                )


def _type_problems(source: Source) -> Iterator[str]:
    kinds = source.attribute_kinds()
    categories = [name for name, kind in kinds.items() if kind == "categorical"]
    typed = [TRANSACTION_ID, *source.entities, *categories]
    for name in source.types:
        if name not in typed:
            yield f"source.types.{name}: no id, entity or category; those are {', '.join(typed)}"


def _id_problems(source: Source, labels: Labels) -> Iterator[str]:
    named = source.roles.transaction_id
    if not isinstance(named, ComposedId):
        return
    key = "source.roles.transaction_id"
    for column, times in Counter(named.columns).items():
        if times > 1:
            yield f"{key}.columns: {column!r} stands there twice; remove one"
    if labels.column in named.columns:
        yield (
            f"{key}.columns: {labels.column!r} is the label, and an id would change with it; "
            "remove it"
        )
    if TRANSACTION_ID in source.types:
        yield f"source.types.{TRANSACTION_ID}: a composed id is text; remove it"
    if labels.path is not None:
        yield (
            f"labels.path: reports name transactions by an id, and {key} is composed; give the "
            "column of the transactions that has it"
        )


def _dialect_problems(table: str, dialect: Dialect) -> Iterator[str]:
    if dialect.thousands_mark is not None and dialect.thousands_mark == (
        dialect.decimal_mark or "."
    ):
        yield (
            f"{table}.thousands_mark: {dialect.thousands_mark!r} is the decimal mark too; state "
            f"{table}.decimal_mark, or another"
        )
    both = {*(dialect.true_values or ())} & {*(dialect.false_values or ())}
    if both:
        yield (
            f"{table}.true_values: {', '.join(map(repr, sorted(both)))} also stands in "
            "false_values; remove it from one"
        )


def _label_problems(labels: Labels) -> list[str]:
    reports: Mapping[str, object] = {
        "path": labels.path or labels.query,
        "transaction_id": labels.transaction_id,
        "known_time": labels.known_time,
    }
    given = [key for key, value in reports.items() if value is not None]
    if labels.model_fields_set <= {"maturity"}:
        return []  # none are declared yet
    if (labels.column is None) == (not given):
        return ["labels: give either column and delay, or path, transaction_id, known_time"]
    if given and len(given) < len(reports):
        return [f"labels: {', '.join(reports.keys() - set(given))}: missing; add it"]
    if "maturity" not in labels.model_fields_set:
        return ["labels.maturity: missing; add it"]
    if labels.column is None:
        problem = 'labels.states: missing; add what each state says, as confirmed = "fraud"'
        return [problem] if labels.state is not None and not labels.states else []
    problems = [
        f"labels.{key}: is for reports; the label is a column of the transactions"
        for key in ("state", "is_full")
        if getattr(labels, key)
    ]
    problems += [
        f"labels.{key}: the label is a column of the transactions; state it under source"
        for key in ("format", *Dialect.model_fields)
        if getattr(labels, key) is not None
    ]
    if labels.delay is None:
        problems.append("labels.delay: missing; add it (how long until a label is known)")
    return problems
