"""Checks of `[[source.tables]]` against the source and each other: names, keys, labels."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from expectations.contract import RESERVED, TRANSACTION_ID

if TYPE_CHECKING:
    from pipelines.config.sources import JoinedTable, Source


def joined_problems(source: "Source") -> Iterator[str]:
    """Find names that stand twice, keys that transactions do not have, and empty keys."""
    names = Counter(table.name.lower() for table in source.tables)
    taken = Counter(name.lower() for name in (*source.entities, *source.attributes))
    for table in source.tables:
        taken.update(name.lower() for name in table.attributes)
    categories = [name for name, own in source.attributes.items() if own.kind == "categorical"]
    keys = [TRANSACTION_ID, *source.entities, *categories]
    for table in source.tables:
        where = f"source.tables.{table.name}"
        if names[table.name.lower()] > 1:
            yield f"{where}.name: another table has this name (in any case); choose another"
        for name in table.attributes:
            if name.lower() in RESERVED or taken[name.lower()] > 1:
                yield (
                    f"{where}.attributes.{name}: the name is used twice or reserved (in any case); "
                    "choose another and keep its column"
                )
        yield from _key_problems(table, keys, where)


def _key_problems(table: "JoinedTable", keys: list[str], where: str) -> Iterator[str]:
    given = table.key_columns()
    if not given:
        yield f"{where}.key: empty; give one of {', '.join(keys)}"
    if isinstance(table.key, tuple) and len(given) < len(table.key):
        yield f"{where}.key: a name stands there twice; write each once"
    for name in given:
        if name not in keys:
            yield (
                f"{where}.key: transactions have no id, entity or category {name!r}; give one of "
                f'{", ".join(keys)}, such as key = {{ {keys[-1]} = "{given[name]}" }}'
            )
    if TRANSACTION_ID in given and len(given) > 1:
        yield f"{where}.key: transaction_id alone names a transaction; remove the others"
    read = {name: attribute.column for name, attribute in table.attributes.items()}
    for name, column in read.items():
        if column in given.values():
            yield f"{where}.attributes.{name}: {column!r} is the key, which a row has; remove it"
    if table.is_identity and table.max_age is not None:
        yield f"{where}.max_age: its rows are known with their transaction; remove it"
