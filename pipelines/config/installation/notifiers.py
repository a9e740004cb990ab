"""Notifiers of failures, read from the environment.

`OVERNIGHT_NOTIFIERS` is JSON, so that recipients and channels are configuration: any notifier of
any Airflow provider, with its arguments.
"""

import importlib
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from expectations.contract import refuse_any

VARIABLE = "OVERNIGHT_NOTIFIERS"


class Notifier(BaseModel):
    """One entry of the variable.

    Attributes:
        path: of the class, `airflow.providers.smtp.notifications.smtp.SmtpNotifier`.
        arguments: of the class; its template fields are rendered.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, Field(alias="class", pattern=r"^\w+(\.\w+)+$")]
    arguments: Mapping[str, object] = {}


def read_notifiers(environment: Mapping[str, str]) -> tuple[Notifier, ...]:
    """Read the notifiers that an environment names; none when it names none.

    Raises:
        ProblemsError: with everything that is wrong in the variable.
    """
    try:
        return TypeAdapter(tuple[Notifier, ...]).validate_json(environment.get(VARIABLE) or "[]")
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, each['loc'])) or VARIABLE}: {each['msg']}; write "
            '[{"class": "package.module.Notifier", "arguments": {}}]'
            for each in error.errors(include_input=False)
        ]
        refuse_any(VARIABLE, problems)
        raise  # not reached: a validation error has at least one problem


def load_notifiers(environment: Mapping[str, str]) -> tuple[Notifier, ...]:
    """Read the notifiers of an environment and import each class.

    Raises:
        ProblemsError: also naming the classes that are not installed.
    """
    named = read_notifiers(environment)
    problems = []
    for each in named:
        module, _, name = each.path.rpartition(".")
        try:
            getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            problems.append(
                f"{VARIABLE}: {each.path} cannot be imported: {error}; install its package, or "
                "correct the class"
            )
    refuse_any(VARIABLE, problems)
    return named
