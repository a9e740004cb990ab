"""Writes a first spec by looking at a file; `guesses` says what it seems to be."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

import tomlkit

from expectations.contract import LONGEST_NAME, RESERVED, InputError
from infra.files import share
from pipelines.config import EXAMPLES, Dialect, TimeColumn, list_specs
from pipelines.ingestion import name_of
from pipelines.ingestion.readers import Sample, read_sample
from pipelines.local.guesses import Guess, guess_id, guess_source, guess_time
from pipelines.local.remaining_columns import guess_attributes, guess_id_columns

WINDOWS = ["1d", "7d", "30d"]
_NEEDED = ("event_time", "amount")
_WITHOUT_LABELS = (
    "No column looks like the label. A night ends with the features until [labels] is declared:",
    'column = "…", delay = "7d", maturity = "7d", or path, transaction_id, known_time, maturity.',
)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- compared without a zone


@dataclass(frozen=True, slots=True)
class Reports:
    """A table of fraud reports.

    Attributes:
        address: of the file.
        transaction_id: column with the id of the transaction.
        known_time: as the spec names the time of the report.
        sample: its first rows.
        dialect: how its texts are written.
        note: what is to be said of the guess of the time.
    """

    address: str
    transaction_id: str
    known_time: str | TimeColumn
    sample: Sample
    dialect: Dialect
    note: str


def draft_spec(name: str, source: str, *, labels: str | None = None) -> str:
    """Write `NAME.toml` into the working folder; returns what to do next.

    Args:
        name: of the spec.
        source: address of the transactions.
        labels: address of fraud reports, where the label is no column of the transactions.

    Raises:
        InputError: when the name is not one, the file exists, or a role finds no column.
    """
    target = Path(f"{name}.toml")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise InputError(f"{name!r} is not a spec name; use small letters, digits, underscores.")
    if target.exists() or name in list_specs():
        raise InputError(f"There is a spec {name!r} already. Choose another name.")
    sample = read_sample(source)
    guess = guess_source(sample)
    reports = None if labels is None else _reports(labels)
    # Reports name transactions by an id; without them one is composed, and labels may come later.
    needed = [*_NEEDED, *(["transaction_id"] if reports is not None else [])]
    _refuse_missing([role for role in needed if role not in guess.roles], source, sample)
    text = _text(_absolute(source), sample, guess, reports)
    target.write_text(text, encoding="utf-8")
    share(target)  # a spec is kept with code, and read by the user of the nights
    return f"Wrote {target}. Read it, correct the guesses, then: overnight doctor {target}"


def _reports(address: str) -> Reports:
    sample = read_sample(address)
    time, form, note = guess_time(sample.rows, sample.dialect)
    found = guess_id(sample.rows)
    if time is None or found is None:
        absent = {"transaction_id": found, "the time of a report": time}
        _refuse_missing(
            [role for role, column in absent.items() if column is None], address, sample
        )
    dialect = sample.dialect.model_copy(update={"time_format": form})
    return Reports(_absolute(address), str(found), time or "", sample, dialect, note)


def _refuse_missing(missing: list[str], source: str, sample: Sample) -> None:
    if missing:
        needed = "Metrics in money need an amount: deliver one, or a column that is 1 throughout. "
        raise InputError(
            f"{name_of(source)} has no column that looks like {', '.join(missing)}; it has "
            f"{', '.join(sample.rows.column_names)}. {needed if 'amount' in missing else ''}"
            f"Copy {EXAMPLES / 'handbook.toml'} and fill it in."
        )


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


def _text(source: str, sample: Sample, guess: Guess, reports: Reports | None = None) -> str:
    r"""Return the first spec as TOML, whatever its columns and its source are called.

    >>> roles = dict.fromkeys(["transaction_id", "amount", "label"], 'a "b"\\c')
    >>> guess = Guess(roles, ("card",), "at", Dialect(delimiter=";"), {})
    >>> import pyarrow as pa
    >>> sample = Sample("csv", guess.dialect, pa.table({}))
    >>> print("\n".join(_text("rows.csv", sample, guess).splitlines()[2:9]))
    [source]
    format = "csv"
    path = "rows.csv"
    delimiter = ";"
    <BLANKLINE>
    [source.roles]
    transaction_id = "a \"b\"\\c"
    """
    names = _canonical_names(list(guess.entities))
    spec = tomlkit.document()
    spec.add(tomlkit.comment("A first spec, guessed from the file. Read every line."))
    if reports is None and "label" not in guess.roles:
        for line in _WITHOUT_LABELS:
            spec.add(tomlkit.comment(line))
    spec["source"] = {
        "format": sample.form,
        "path": source,
        **_stated(guess.dialect),
        "roles": {
            "transaction_id": _id(sample, guess),
            "event_time": _time(guess.time, guess.notes.get("event_time", "")),
            "amount": guess.roles["amount"],
        },
        **_columns(sample, guess, names),
    }
    if reports is not None or "label" in guess.roles:
        spec["labels"] = _labels(guess, sample.form, reports)
    if names:
        spec["features"] = {"windows": _windows([*names.values()])}
    if guess.minimum is not None:
        lowest = tomlkit.item(guess.minimum)
        lowest.comment("guessed: negative amounts are refunds")
        spec["contract"] = {"amount": {"minimum": lowest}}
    spec["training"] = {
        "train_window": "28d",
        "gap": "7d",
        "test_window": "7d",
        "trials": 20,
        **({"exclude_detected": next(iter(names.values()))} if names else {}),
    }
    four_eyes = tomlkit.boolean("false")
    spec["approval"] = {
        "four_eyes": four_eyes.comment("true: whoever made a candidate may not approve it")
    }
    return spec.as_string()


def _id(sample: Sample, guess: Guess) -> Any:
    """Return the column of the id, or the columns that one is composed of."""
    if "transaction_id" in guess.roles:
        return guess.roles["transaction_id"]
    composed = tomlkit.inline_table()
    composed["columns"] = guess_id_columns(sample, guess)
    return composed.comment("guessed: no column of ids; a row that changes is another one")


def _columns(sample: Sample, guess: Guess, names: Mapping[str, str]) -> dict[str, object]:
    """Return the tables of entities, or of attributes where nothing has a history."""
    if names:
        return {"entities": {canonical: column for column, canonical in names.items()}}
    attributes: dict[str, object] = {}
    for canonical, column in guess_attributes(sample, guess).items():
        attribute = tomlkit.inline_table()
        attribute.update({"column": column, "kind": "numeric"})
        attributes[canonical] = attribute
    return {"attributes": attributes} if attributes else {}


def _windows(names: list[str]) -> list[dict[str, object]]:
    groups: list[dict[str, object]] = [
        {"entity": name, "aggregates": ["count"], "windows": WINDOWS} for name in names
    ]
    means = {"measure": "amount", "aggregates": ["mean"], "windows": WINDOWS}
    return [*groups, {"entity": names[0], **means}]


def _labels(guess: Guess, form: str, reports: Reports | None) -> Any:
    """Return the table of labels: a column, or reports with what differs from the transactions."""
    if reports is None:
        labels = tomlkit.item({"column": guess.roles["label"], "delay": "7d", "maturity": "7d"})
        return labels.comment("guessed: known seven days after the transaction")
    own: dict[str, object] = {"path": reports.address}
    if reports.sample.form != form:
        own["format"] = reports.sample.form
    given = guess.dialect.model_dump()
    own |= {
        key: value if value is not None else _DEFAULTS[key]
        for key, value in reports.dialect.model_dump().items()
        if value != given[key] and (value is not None or key in _DEFAULTS)
    }
    if reports.dialect.time_format is None and guess.dialect.time_format is not None:
        own["time_format"] = "%Y-%m-%d %H:%M:%S"
    own |= {
        "transaction_id": reports.transaction_id,
        "known_time": _time(reports.known_time, reports.note),
        "maturity": "7d",
    }
    return tomlkit.item(own).comment("guessed: without a report for seven days, legitimate")


# What a key of the reports has to say, where the transactions have another than the usual.
_DEFAULTS = {"delimiter": ",", "decimal_mark": ".", "encoding": "utf-8"}


def _time(time: str | TimeColumn, note: str) -> Any:
    value: Any = time
    if isinstance(time, str):
        value = tomlkit.item(time)
    else:
        table = tomlkit.inline_table()
        table.update({"column": time.column, "unit": time.unit})
        if time.start.replace(tzinfo=None) != EPOCH:
            table["start"] = f"{time.start:%Y-%m-%d}"
        value = table
    return value.comment(note) if note else value


def _stated(dialect: Dialect) -> dict[str, object]:
    """Return what a dialect says, in the order of its keys."""
    written = dialect.model_dump(exclude_none=True)
    return {k: list(v) if isinstance(v, tuple) else v for k, v in written.items()}
