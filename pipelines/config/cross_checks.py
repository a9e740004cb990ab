"""Checks of a spec across keys, and pydantic's validation errors as lines with a remedy."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from expectations import may_warn, rule_names
from expectations.contract import (
    AMOUNT,
    EVENT_TIME,
    LABEL,
    TRANSACTION_ID,
    KeyedProblemsError,
    format_duration,
)
from feature_jobs.declaration import LEGITIMATE, Columns, FeatureSet, validate_features
from pipelines.config.source_checks import source_problems
from pipelines.config.sources import Labels, Source

if TYPE_CHECKING:
    from pipelines.config.spec import ModelSpec

# Stands in for a duration that cannot be read, so that the rest of its group is still checked.
_STAND_IN_DAYS = 900_000
_SHOWN = 200


def explain(error: ValidationError) -> list[str]:
    """Describe each validation error in one line: key, value, remedy."""
    lines = []
    locations = [item["loc"] for item in error.errors()]
    for item in error.errors():
        # A list whose only item is refused is also called too short.
        if item["type"] == "too_short" and any(
            location[: len(item["loc"])] == item["loc"] != location for location in locations
        ):
            continue
        parts = (str(part) for part in item["loc"] if part != "[key]")
        key = ".".join(p if p.isprintable() else repr(p) for p in map(_cut, parts)) or "(top)"
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, KeyedProblemsError):
            lines += [f"{key}.{problem}" for problem in cause.problems]
            continue
        match item["type"]:
            case "extra_forbidden":
                line = f"{key}: unknown key; remove it or correct its spelling"
            case "missing":
                line = f"{key}: missing; add it"
            case _:
                line = f"{key}: got {_short(item['input'])}; {_remedy(item)}"
        lines.append(line)
    return lines


def _remedy(item: ErrorDetails) -> str:
    if item["type"] == "finite_number":
        return "a limit is a finite number; write one"
    return item["msg"].removeprefix("Value error, ")


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _short(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # a number of more digits than Python writes
        text = "a number of too many digits"
    return _cut(text)


def cross_field_problems(spec: "ModelSpec") -> list[str]:
    """Find duplicate names, unknown entities, too short a gap, and problems of the features."""
    training = spec.training
    problems = source_problems(spec.source, spec.labels)
    wait = spec.labels.delay or spec.labels.maturity
    if spec.labels.is_declared and training.gap < wait:
        problems.append(
            f"training.gap: {format_duration(training.gap)} is shorter than the wait for a "
            f"label, {format_duration(wait)}; labels of the train window would not be known yet"
        )
    problems += _contract_problems(spec) + _chosen_problems(spec)
    problems += validate_features(spec.features, row_columns(spec.source, spec.labels))
    if spec.schedule.as_of is not None and spec.schedule.nightly is not None:
        problems.append(
            f"schedule.as_of: every night of schedule.nightly would be of {spec.schedule.as_of}; "
            "remove one of the two"
        )
    window = training.exclude_window
    if window is not None and window > training.train_window:
        problems.append(
            f"training.exclude_window: {format_duration(window)} is longer than train_window, "
            f"{format_duration(training.train_window)}; give at most that"
        )
    problems += [
        f"training.histories: {format_duration(length)} is longer than train_window, "
        f"{format_duration(training.train_window)}; give at most that"
        for length in training.histories
        if length > training.train_window
    ]
    if training.exclude_detected and training.exclude_detected not in spec.source.entities:
        known = ", ".join(spec.source.entities)
        problems.append(
            f"training.exclude_detected: {training.exclude_detected!r} is not one of "
            f"source.entities ({known}); give one of them"
            if known
            else f"training.exclude_detected: {training.exclude_detected!r}: source.entities names "
            "none; remove it"
        )
    return [*problems, *_label_window_problems(spec)]


def _label_window_problems(spec: "ModelSpec") -> Iterator[str]:
    """Find features that count known frauds, in a spec without labels."""
    if spec.labels.is_declared:
        return
    remedy = " needs labels; declare [labels], or remove the group until there are some"
    for number, group in enumerate(spec.features.windows):
        if group.measure in {LABEL, LEGITIMATE}:
            yield f"features.windows.{number}.measure: {group.measure!r}{remedy}"
    for number, links in enumerate(spec.features.links):
        if "neighbour_frauds" in links.aggregates:
            yield f"features.links.{number}.aggregates: 'neighbour_frauds'{remedy}"


def _chosen_problems(spec: "ModelSpec") -> list[str]:
    """Find columns of the model that rows do not have, and a model without columns."""
    columns, training = row_columns(spec.source, spec.labels), spec.training
    known = [*columns.numeric, *columns.categorical, *spec.features.feature_names()]
    problems = []
    for key, names in (("columns", training.columns), ("leave_out", training.leave_out)):
        for name, times in Counter(names).items():
            if times > 1:
                problems.append(f"training.{key}: {name!r} stands there twice; remove one")
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else "give amount, attribute or feature"
                problems.append(f"training.{key}: no column {name!r}; {hint}")
    if {*(training.columns or known)} <= {*training.leave_out}:
        problems.append("training.leave_out: no column is left for the model; leave out fewer")
    return problems


def _contract_problems(spec: "ModelSpec") -> list[str]:
    contract, kinds = spec.contract, spec.attribute_kinds()
    problems = [
        f"contract.allowed.{name}: not a categorical attribute of the source; those are "
        f"{', '.join(n for n, kind in kinds.items() if kind == 'categorical') or 'none'}"
        for name in contract.allowed
        if kinds.get(name) != "categorical"
    ]
    rules = rule_names(contract, entities=list(spec.source.entities))
    for name, severity in contract.severities.items():
        if name not in rules:
            problems.append(
                f"contract.severities.{name}: no such row rule; there are {', '.join(rules)}"
            )
        elif severity == "warn" and not may_warn(name):
            problems.append(
                f"contract.severities.{name}: a row that breaks it cannot be worked with; give "
                "quarantine or stop"
            )
    if contract.amount.minimum > contract.amount.maximum:
        problems.append(
            f"contract.amount: minimum {contract.amount.minimum:g} is above maximum "
            f"{contract.amount.maximum:g}; exchange them"
        )
    known = ("rows", LABEL, *kinds)
    problems += [
        f"contract.silence.real.{number}.column: nothing follows {real.column!r}; give one of "
        f"{', '.join(known)}"
        for number, real in enumerate(contract.silence.real)
        if real.column not in known
    ]
    problems += [
        f"contract.expectations.{number} ({own.name}): only transactions can be quarantined; give "
        f"warn or stop for {own.table}"
        for number, own in enumerate(contract.expectations)
        if own.severity == "quarantine" and own.table != "transactions"
    ]
    return problems


def row_columns(source: Source, labels: Labels) -> Columns:
    """Return the columns of a row that features and expressions may read."""
    kinds = source.attribute_kinds()
    return Columns(
        entities=tuple(source.entities),
        numeric=(AMOUNT, *(name for name, kind in kinds.items() if kind == "numeric")),
        categorical=tuple(name for name, kind in kinds.items() if kind == "categorical"),
        others=(TRANSACTION_ID, EVENT_TIME),
        labels=(LABEL, *([labels.column] if labels.column else [])),
    )


def find_in_features(declared: Mapping[str, Any], error: ValidationError) -> list[str]:
    """Find further problems of the features in a spec that pydantic refused.

    In a copy, each refused value is replaced by a valid one, so that one run reports all problems.
    """
    try:
        features = FeatureSet.model_validate(_fix(declared.get("features", {}), error))
    except (ValidationError, TypeError, KeyError, IndexError, AttributeError):
        return []
    return validate_features(features, _declared_columns(declared))


def _declared_columns(declared: Mapping[str, Any]) -> Columns:
    """Return the columns of a row as far as a faulty spec names them."""
    source, labels = _section(declared, "source"), _section(declared, "labels")
    tables = source.get("tables")
    kinds: dict[str, object] = {}
    for table in (source, *(tables if isinstance(tables, list) else [])):
        attributes = _section(table if isinstance(table, dict) else {}, "attributes")
        kinds |= {name: _section(attributes, name).get("kind") for name in attributes}
    return Columns(
        entities=tuple(_section(source, "entities")),
        numeric=(AMOUNT, *(name for name, kind in kinds.items() if kind == "numeric")),
        categorical=tuple(name for name, kind in kinds.items() if kind == "categorical"),
        others=(TRANSACTION_ID, EVENT_TIME),
        labels=(LABEL, str(labels.get("column", LABEL))),
    )


def _section(declared: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = declared.get(key)
    return found if isinstance(found, dict) else {}


def _fix(features: Mapping[str, Any], error: ValidationError) -> dict[str, Any]:
    fixed = cast("dict[str, Any]", _copy(features))
    for number, item in enumerate(error.errors()):
        if item["loc"][:1] != ("features",):
            continue
        *path, last = item["loc"][1:]
        at: Any = fixed
        for step in path:
            at = at[step]
        if item["type"] == "extra_forbidden":
            del at[last]
        elif last == "windows" and item["type"] in {"missing", "too_short"}:
            at[last] = [timedelta(days=_STAND_IN_DAYS + number)]
        elif len(path) and (path[-1] == "windows" or last == "delay"):
            at[last] = timedelta(days=_STAND_IN_DAYS + number)
    return fixed


def _copy(value: object) -> object:
    """Copy a parsed TOML value deeply."""
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value
