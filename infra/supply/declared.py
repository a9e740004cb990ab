"""The two files that people write here: licences that are taken, vulnerabilities that stand."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from expectations.contract import FrozenModel, InputError
from expectations.contract.toml_file import read_toml

Model = TypeVar("Model", bound=FrozenModel)


def read_declared(path: Path, model: type[Model]) -> Model:
    """Read a file of TOML.

    Raises:
        InputError: with everything that is wrong in the file.
    """
    try:
        return model.model_validate(read_toml(path))
    except ValidationError as error:
        raise InputError(f"{path.name} cannot be used: {error}") from error
