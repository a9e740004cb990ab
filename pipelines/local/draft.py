"""Writes a first spec by looking at a file: roles are guessed from names and types."""

import re
from itertools import chain, count
from pathlib import Path

import pyarrow as pa
import tomlkit

from expectations.contract import LONGEST_NAME, RESERVED, InputError
from infra.files import share
from pipelines.config import EXAMPLES, list_specs
from pipelines.ingestion import inspect_columns, name_of

PATTERNS = {
    "transaction_id": r"^(transaction|trans|txn|tx|payment)_?(id|number|num|no|nr|key)$|^id$",
    "event_time": r"date|time|timestamp|_dt$|_at$",
    "amount": r"amount|amt|value",
    "label": r"fraud|label|is_?chargeback",
}
WINDOWS = ["1d", "7d", "30d"]
ENTITY = r"customer|card|account|user|client|terminal|merchant|device"


def draft_spec(name: str, source: str) -> str:
    """Write `NAME.toml` into the working folder; returns what to do next.

    Raises:
        InputError: when the name is not one, the file exists, or a role finds no column.
    """
    target = Path(f"{name}.toml")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise InputError(f"{name!r} is not a spec name; use small letters, digits, underscores.")
    if target.exists() or name in list_specs():
        raise InputError(f"There is a spec {name!r} already. Choose another name.")
    form = "csv" if source.endswith(".csv") else "parquet"
    columns = inspect_columns(source, form)
    roles = {role: _first(columns, pattern, role) for role, pattern in PATTERNS.items()}
    missing = [role for role, column in roles.items() if column is None]
    if missing:
        raise InputError(
            f"{name_of(source)} has no column that looks like {', '.join(missing)}; it has "
            f"{', '.join(columns.names)}. Copy {EXAMPLES / 'handbook.toml'} and fill it in."
        )
    taken = set(roles.values())
    entities = [c for c in columns.names if re.search(ENTITY, c, re.I) and c not in taken][:3]
    if not entities:
        raise InputError(
            f"{name_of(source)} has no column that looks like a customer, card or terminal; it has "
            f"{', '.join(columns.names)}. Copy {EXAMPLES / 'handbook.toml'} and fill it in."
        )
    target.write_text(_text(_absolute(source), form, roles, entities), encoding="utf-8")
    share(target)  # a spec is kept with code, and read by the user of the nights
    return f"Wrote {target}. Read it, correct the guesses, then: overnight doctor {target}"


def _first(columns: pa.Schema, pattern: str, role: str) -> str | None:
    def fits(field: pa.Field) -> bool:
        kind = field.type
        if role == "event_time":
            return bool(pa.types.is_timestamp(kind))
        if role in ("amount", "label"):
            return bool(
                pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
            )
        return bool(pa.types.is_integer(kind) or pa.types.is_string(kind))

    return next((f.name for f in columns if re.search(pattern, f.name, re.I) and fits(f)), None)


def _absolute(source: str) -> str:
    return source if "://" in source or source.startswith("${") else str(Path(source).absolute())


def _canonical_names(columns: list[str]) -> dict[str, str]:
    """Map the source's name of each entity to a different name that a spec may have.

    >>> _canonical_names(["Card ID", "card-id", "1st <b>"])
    {'Card ID': 'card_id', 'card-id': 'card_2_id', '1st <b>': 'entity_1st_b_id'}
    """
    found: dict[str, str] = {}
    for column in columns:
        stem = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_").removesuffix("_id")
        if not re.match(r"[a-z]", stem):
            stem = f"entity_{stem}".rstrip("_")
        tries = (
            f"{stem[: LONGEST_NAME - 6]}{more}_id"
            for more in chain([""], (f"_{n}" for n in count(2)))
        )
        found[column] = next(n for n in tries if n not in found.values() and n not in RESERVED)
    return found


def _text(source: str, form: str, roles: dict[str, str | None], entities: list[str]) -> str:
    r"""Return the first spec as TOML, whatever its columns and its source are called.

    >>> roles = dict.fromkeys(["transaction_id", "event_time", "amount", "label"], 'a "b"\\c')
    >>> print(_text("rows.csv", "csv", roles, ["card"]).splitlines()[7])
    transaction_id = "a \"b\"\\c"
    """
    names = _canonical_names(entities)
    first = next(iter(names.values()))
    counts = {"aggregates": ["count"], "windows": WINDOWS}
    means = {"measure": "amount", "aggregates": ["mean"], "windows": WINDOWS}
    labels = tomlkit.item({"column": roles["label"], "delay": "7d", "maturity": "7d"})
    four_eyes = tomlkit.boolean("false")
    spec = tomlkit.document()
    spec.add(tomlkit.comment("A first spec, guessed from the file. Read every line."))
    spec["source"] = {
        "format": form,
        "path": source,
        "roles": {role: roles[role] for role in ("transaction_id", "event_time", "amount")},
        "entities": {canonical: column for column, canonical in names.items()},
    }
    spec["labels"] = labels.comment("guessed: known seven days after the transaction")
    spec["features"] = {
        "windows": [
            *({"entity": canonical, **counts} for canonical in names.values()),
            {"entity": first, **means},
        ]
    }
    spec["training"] = {
        "train_window": "28d",
        "gap": "7d",
        "test_window": "7d",
        "trials": 20,
        "exclude_detected": first,
    }
    spec["approval"] = {
        "four_eyes": four_eyes.comment("true: whoever made a candidate may not approve it")
    }
    return spec.as_string()
