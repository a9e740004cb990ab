"""Numbers of a spec: none is infinite."""

import math
import tomllib
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from expectations.contract import ProblemsError
from pipelines.config.spec import ModelSpec, load_spec
from tests.pipelines.config.conftest import Write
from tests.pipelines.config.test_spec import GOOD


def floats(model: type[BaseModel], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The keys of every number of a model and of the models in it."""
    for name, field in model.model_fields.items():
        for kind in parts(field):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from floats(kind, (*at, name))
            elif kind is float:
                yield (*at, name)


def parts(field: FieldInfo) -> Iterator[object]:
    waiting: list[object] = [field.annotation]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += get_args(kind)


FLOATS = sorted(set(floats(ModelSpec)))


def test_the_numbers_of_a_spec_are_found() -> None:
    known = {("contract", "amount", "minimum"), ("gate", "margin"), ("endpoint", "watch", "p99_ms")}
    assert known <= set(FLOATS) or {k[:2] for k in known} <= {k[:2] for k in FLOATS}
    assert len(FLOATS) > 20


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("keys", FLOATS, ids=".".join)
def test_no_limit_is_infinite_or_no_number(keys: tuple[str, ...], value: float) -> None:
    for written in (value, [value], {"x": value}, {"x": [value]}):
        declared: dict[str, Any] = {"name": "good", **tomllib.loads(GOOD)}
        table = declared
        for key in keys[:-1]:
            table = table.setdefault(key, {})
        table[keys[-1]] = written
        if keys[:2] == ("endpoint", "watch") and written == math.inf:
            ModelSpec.model_validate(declared)  # switches an alarm off
            continue
        with pytest.raises(ValidationError):
            ModelSpec.model_validate(declared)


def test_a_limit_that_is_no_number_is_told_with_its_key(write: Write) -> None:
    with pytest.raises(ProblemsError) as caught:
        load_spec(f"{write(GOOD)}?contract.amount.minimum=nan")
    assert caught.value.problems == (
        "contract.amount.minimum: got nan; a limit is a finite number; write one",
    )
