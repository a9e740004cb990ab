"""Guesses about a source without keys: what composes an id, and which columns are numbers."""

import re
from collections.abc import Collection, Iterator
from itertools import chain, count

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import LONGEST_NAME, RESERVED
from pipelines.ingestion.readers import Sample
from pipelines.ingestion.readers.composed_ids import hash_values
from pipelines.ingestion.readers.values import (
    UnusableTypeError,
    UnusableValueError,
    read_numbers,
)
from pipelines.local.guesses import Guess, normalised

# More of them tell rows apart no better.
_MOST_ID_COLUMNS = 40
_FLAG = {0.0, 1.0}


def guess_id_columns(sample: Sample, guess: Guess) -> list[str]:
    """Choose the columns that an id is composed of: those with a role first, then others.

    The label is none of them, and nothing that is 0 or 1 throughout, as it may be the label.
    """
    roles = [guess.roles[role] for role in ("event_time", "amount") if role in guess.roles]
    first = [*roles, *guess.entities]
    rest = [name for name in _other_columns(sample, guess) if _is_hashed(sample, name)]
    chosen = [name for name in rest if not (_numbers(sample, guess, name) or {-1.0}) <= _FLAG]
    return [*first, *chosen][:_MOST_ID_COLUMNS]


def guess_attributes(sample: Sample, guess: Guess) -> dict[str, str]:
    """Name the columns of numbers that have no role, each as a spec may name it."""
    found: dict[str, str] = {}
    for name in _other_columns(sample, guess):
        if not _numbers(sample, guess, name):
            continue
        found[_canonical_name(name, found)] = name
    return found


def _other_columns(sample: Sample, guess: Guess) -> Iterator[str]:
    taken = {*guess.roles.values(), *guess.entities}
    return (name for name in sample.rows.column_names if name not in taken)


def _column(sample: Sample, name: str) -> pa.Array:
    column = sample.rows[name].combine_chunks()
    return column if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks)


def _is_hashed(sample: Sample, name: str) -> bool:
    try:
        hash_values(_column(sample, name))
    except UnusableTypeError:
        return False
    return True


def _numbers(sample: Sample, guess: Guess, name: str) -> set[float] | None:
    """Return at most three values of a column of numbers; None where it has others, or none."""
    try:
        numbers = read_numbers(
            _column(sample, name), guess.dialect, table="source", words=False
        ).drop_null()
    except (UnusableTypeError, UnusableValueError):
        return None
    return {*pc.unique(numbers).slice(0, 3).to_pylist()} or None


def _canonical_name(column: str, taken: Collection[str]) -> str:
    """Return a different name that a spec may have.

    >>> _canonical_name("V1", []), _canonical_name("1st <b>", []), _canonical_name("Amount", [])
    ('v1', 'column_1st_b', 'amount_2')
    """
    stem = normalised(column)
    if not re.match(r"[a-z]", stem):
        stem = f"column_{stem}".rstrip("_")
    endings = chain([""], (f"_{n}" for n in count(2)))
    tries = (f"{stem[: LONGEST_NAME - 6]}{ending}" for ending in endings)
    return next(name for name in tries if name not in taken and name not in RESERVED)
