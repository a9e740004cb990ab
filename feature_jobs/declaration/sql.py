"""Validation of the Spark SQL expressions of a spec, without Spark and its JVM.

An expression makes one value of one row, the same on every run. What may be written is a list:
functions in `spark_functions`, the kinds of its parts in `grammar`. Spark checks the types of
arguments when the job runs; it gets `generated`, the text made of the checked tree.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType


def validate_expression(
    sql: str, *, columns: Collection[str], forbidden: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """Return the errors of one expression, by position; none when it can be used.

    Args:
        sql: what `select` would take, without a name for the result.
        columns: what may be read; as in Spark, upper and lower case are the same.
        forbidden: why a column may not be read, by its name; goes before `columns`.

    >>> validate_expression("ln(amuont + 1)", columns=["amount", "hour"])
    ["position 4: no column 'amuont'; did you mean 'amount'?"]
    """
    from feature_jobs.declaration.expressions import find_errors

    return find_errors(sql, columns=columns, forbidden=forbidden)


def generated(sql: str) -> str:
    """Write an expression anew for Spark, from the tree that is checked.

    Raises:
        ValueError: for a text that is not one expression, or reads what it may not.

    >>> generated("Amount / greatest(mean_7d, 1)")
    '`Amount` / greatest(`mean_7d`, 1)'
    """
    from feature_jobs.declaration.expressions import generate

    return generate(sql)


def referenced_columns(sql: str) -> list[str]:
    """List the columns that an expression reads, as first written, in order of first mention.

    Raises:
        ValueError: for a text that is not one expression; see `validate_expression`.

    >>> referenced_columns("Amount / greatest(mean_7d, amount)")
    ['Amount', 'mean_7d']
    """
    from feature_jobs.declaration.expressions import read_columns

    return read_columns(sql)
