"""Names of the AWS operations in HTTP requests, and the log of all calls.

AWS speaks four protocols: the operation stands in a header, in a form, in a path, or only in what
method, path and query together mean. The record lets a test prove that a plan changes nothing.
"""

import functools
import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from urllib.parse import parse_qs, parse_qsl

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, ServiceModel

READING = ("Describe", "List", "Get", "Head", "Invoke", "Simulate")
# Bounds the memory of a server that runs for weeks.
KEPT = 100_000

# Where the name in the signature is not the name of the model that has the operations.
MODELS = {"monitoring": "cloudwatch", "elasticmapreduce": "emr"}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an AWS operation.

    Attributes:
        mutating: whether it may change something.
        caller: the access key that it was signed with.
        resources: what it names (`infra.emulator.protocol.resource_names`).
    """

    service: str
    operation: str
    mutating: bool
    caller: str
    resources: tuple[str, ...]


class CallLog:
    """Every call since the start or the last clearing, oldest first."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=KEPT)

    def add(
        self, service: str, operation: str, *, signed: str, resources: Iterable[str] = ()
    ) -> None:
        """Log a call; `signed` is its `Authorization` header."""
        self._calls.append(_call(service, operation, name_caller(signed), tuple(resources)))

    def listed(self) -> list[Mapping[str, object]]:
        """Return the calls as objects of JSON."""
        return [asdict(call) for call in list(self._calls)]

    def clear(self) -> None:
        """Clear the log."""
        self._calls.clear()


def name_service(authorization: str) -> str | None:
    """Return the service that a request is signed for; None when it is not signed.

    >>> name_service("AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, Sig…")
    's3'
    """
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request", authorization)
    return scope[1] if scope else None


def name_caller(authorization: str) -> str:
    """Return the access key that a request is signed with; empty when it is not signed.

    >>> name_caller("AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, Sig…")
    'key'
    """
    scope = re.search(r"Credential=([^/]+)/", authorization)
    return scope[1] if scope else ""


def name_operation(
    service: str,
    *,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    form: str,
) -> str:
    """Return the operation of a request, `Unknown` when none of the service's fits.

    Args:
        service: as the request is signed for.
        method: of HTTP.
        path: without the query.
        query: what follows the question mark.
        headers: by their names in lower case.
        form: the body where it is a form, otherwise empty.
    """
    if target := headers.get("x-amz-target"):
        return target.rpartition(".")[2]
    if found := re.fullmatch(r"/service/[^/]+/operation/(\w+)", path):
        return found[1]
    if action := parse_qs(form).get("Action") or parse_qs(query).get("Action"):
        return action[0]
    given = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
    fits = [
        (len(route.needs), route.operation)
        for route in _routes(service)
        if route.method == method
        and route.path.fullmatch(path)
        and route.needs <= given | {*headers}
    ]
    return max(fits)[1] if fits else "Unknown"


@dataclass(frozen=True, slots=True)
class _Route:
    operation: str
    method: str
    path: re.Pattern[str]
    needs: frozenset[str]


@functools.cache
def _routes(service: str) -> tuple[_Route, ...]:
    try:
        model = botocore.session.get_session().get_service_model(MODELS.get(service, service))
    except UnknownServiceError:
        return ()
    return tuple(_route(model, model.operation_model(name)) for name in model.operation_names)


def _route(model: ServiceModel, operation: OperationModel) -> _Route:
    uri, _, constants = operation.http["requestUri"].partition("?")
    parts = (
        ".+" if part.endswith("+}") else "[^/]+" if part.startswith("{") else re.escape(part)
        for part in re.split(r"(\{[^}]+\})", uri)
    )
    needs = {name for name, _ in parse_qsl(constants, keep_blank_values=True)}
    shape = operation.input_shape
    for name in () if shape is None else shape.required_members:
        member = shape.members[name].serialization
        if member.get("location") in ("querystring", "header"):
            needs.add(
                member["name"] if member["location"] == "querystring" else member["name"].lower()
            )
    slash = "/?" if model.service_name == "s3" else ""
    path = re.compile("".join(parts) + slash)
    return _Route(operation.name, operation.http["method"], path, frozenset(needs))


# Most calls of a long run are the same few: each is kept once.
@functools.lru_cache(maxsize=1_000)
def _call(service: str, operation: str, caller: str, resources: tuple[str, ...]) -> Call:
    return Call(service, operation, not operation.startswith(READING), caller, resources)
