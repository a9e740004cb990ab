"""Parsing of requests and serialising of replies by botocore's model of the service.

The model names every parameter, its type and its limits. A request that AWS would refuse is
refused here with the same code, so that a mistake shows on a laptop and not in an account.
"""

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

# JSON of any operation; the shapes of the model say what is in it.
Content = dict[str, Any]


class ServiceError(Exception):
    """An error of AWS.

    Attributes:
        code: the name by which boto3 reports it, `ValidationException`.
        status: the HTTP status.
    """

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def invalid(message: str) -> ServiceError:
    """Make the error of a request that the service cannot carry out."""
    return ServiceError("ValidationException", message)


def read_request(operation: str, body: bytes) -> Content:
    """Read and check the parameters of an operation.

    Raises:
        ServiceError: naming every parameter that is unknown, missing, mistyped or out of range.
    """
    shape = load_service().operation_model(operation).input_shape
    try:
        content = json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", f"The body is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ServiceError("SerializationException", "The body is not a JSON object.")
    if shape is None:
        return {}
    refuse_invalid(content, shape)
    return dict(content)


def refuse_invalid(content: Content, shape: Shape) -> None:
    """Refuse parameters that a service would refuse.

    Raises:
        ServiceError: naming every parameter that is unknown, missing, mistyped or out of range.
    """
    report = ParamValidator().validate(content, shape)
    if report.has_errors():
        raise invalid(report.generate_report())
    problems = list(_problems_of(content, shape, where=""))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected"
        raise invalid(f"{count}: {'; '.join(problems)}")


def write_reply(operation: str, content: Mapping[str, object]) -> bytes:
    """Write the reply of an operation: only what its output shape has.

    Raises:
        KeyError: when a required member is missing, which is a mistake of this server.
    """
    shape = load_service().operation_model(operation).output_shape
    return b"" if shape is None else json.dumps(_select(content, shape)).encode()


def write_refusal(refusal: ServiceError) -> bytes:
    """Write the body of an error in the JSON protocol."""
    return json.dumps({"__type": refusal.code, "message": str(refusal)}).encode()


def is_operation(name: str) -> bool:
    """Return True if SageMaker has such an operation."""
    return name in load_service().operation_names


@functools.cache
def load_service() -> ServiceModel:
    """Return the model of SageMaker that comes with botocore."""
    return botocore.session.get_session().get_service_model("sagemaker")


def _problems_of(value: Any, shape: Shape, *, where: str) -> Iterator[str]:
    """Check patterns, choices and upper limits, which botocore leaves to the service."""
    if isinstance(shape, StructureShape):
        for name, member in value.items():
            yield from _problems_of(member, shape.members[name], where=_join(where, name))
    elif isinstance(shape, ListShape):
        yield from _limit(len(value), shape, where=where, what="length")
        for position, member in enumerate(value):
            yield from _problems_of(member, shape.member, where=f"{where}.{position + 1}.member")
    elif isinstance(shape, MapShape):
        yield from _limit(len(value), shape, where=where, what="length")
        for name, member in value.items():
            yield from _of_map(_problems_of(name, shape.key, where=where), "keys")
            yield from _of_map(_problems_of(member, shape.value, where=where), "values")
    elif isinstance(value, str):
        yield from _limit(len(value), shape, where=where, what="length")
        yield from _choice(value, shape, where=where)
    elif isinstance(value, (int, float)):
        yield from _limit(value, shape, where=where, what="value")


def _of_map(problems: Iterable[str], what: str) -> Iterator[str]:
    for problem in problems:
        subject, constraint, rest = problem.partition("constraint: ")
        yield f"{subject}{constraint}Map {what} must satisfy constraint: [{rest}]"


def _choice(value: str, shape: Shape, *, where: str) -> Iterator[str]:
    choices = shape.metadata.get("enum")
    if choices and value not in choices:
        listed = ", ".join(choices[:10])
        yield f"{_failed(value, where)} Member must satisfy enum value set: [{listed}]"
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield f"{_failed(value, where)} Member must satisfy regular expression pattern: {pattern}"


def _matches(pattern: str, value: str) -> bool:
    """Return True if a value matches; patterns with Java's character classes are not checked."""
    return "\\p{" in pattern or re.fullmatch(pattern, value) is not None


def _limit(size: float, shape: Shape, *, where: str, what: str) -> Iterator[str]:
    most = shape.metadata.get("max")
    if most is not None and size > most:
        subject = "Member must have length" if what == "length" else "Member must have value"
        yield f"{_failed(size, where)} {subject} less than or equal to {most}"


def _failed(value: object, where: str) -> str:
    return f"Value '{value}' at '{where}' failed to satisfy constraint:"


def _join(where: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{where}.{name}" if where else name


def _select(value: Any, shape: Shape) -> Any:
    if isinstance(shape, StructureShape):
        present = {name for name in shape.members if value.get(name) is not None}
        return {
            name: _select(value[name], shape.members[name])
            for name in shape.members
            if name in present or name in shape.required_members
        }
    if isinstance(shape, ListShape):
        return [_select(member, shape.member) for member in value]
    return value
