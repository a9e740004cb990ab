"""Fields of a request to the MLflow server that name what it changes, by MLflow's own parser.

Its parser takes a body in a string, and each field under two names (`run_id`, `runId`): a
check of the JSON by another parser would judge another request than the one carried out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import request
from google.protobuf.message import Message  # type: ignore[import-untyped]  # no stubs in it
from mlflow.server.handlers import _get_request_json, _get_request_message, get_endpoints

_RUNS = ("run_id", "run_uuid", "source_run_id")


@dataclass(frozen=True, slots=True)
class RequestFields:
    """The objects that a request names.

    Attributes:
        runs: their ids; likewise `experiments` and `logged_models`.
        tags: keys that are set or taken away.
        model: name of the registered model; empty without one.
        version: of it; empty without one.
        alias: as it was written; None without one.
        places: addresses where the client wants artefacts to go.
    """

    runs: frozenset[str]
    experiments: frozenset[str]
    logged_models: frozenset[str]
    tags: frozenset[str]
    model: str
    version: str
    alias: str | None
    places: frozenset[str]


def read_request_fields() -> RequestFields:
    """Read the request at hand.

    Raises:
        MlflowException: when MLflow's own parser refuses it.
    """
    message = _read_message()
    path = request.view_args or {}
    inner = [each for name in ("metrics", "tags") for each in _items(message, name)]
    logged = {*_texts([message, *inner], "model_id"), str(path.get("model_id", ""))}
    keys = {*_texts([message, *_items(message, "tags")], "key"), *_texts([message], "tag_key")}
    named = [value for name in _RUNS for value in _texts([message, *inner], name)]
    return RequestFields(
        # A file's upload names its run in the address.
        runs=frozenset({*named, *request.args.getlist("run_uuid")} - {""}),
        experiments=frozenset({*_texts([message], "experiment_id")} - {""}),
        logged_models=frozenset(logged - {""}),
        tags=frozenset(({str(path.get("tag_key", ""))} | keys) - {""}),
        model=next(iter(_texts([message], "name")), ""),
        version=next(iter(_texts([message], "version")), ""),
        alias=next(iter(_texts([message], "alias")), None),
        places=frozenset({*_texts([message], "artifact_location")} - {""}),
    )


def is_query() -> bool:
    """Return True if a GraphQL document asks and changes nothing."""
    from graphql import GraphQLSyntaxError, OperationDefinitionNode, OperationType, parse

    body = _get_request_json()  # type: ignore[no-untyped-call]  # MLflow's own
    text = body.get("query") if isinstance(body, dict) else None
    try:
        found = parse(text).definitions if isinstance(text, str) else ()
    except GraphQLSyntaxError:
        return False
    operations = [each for each in found if isinstance(each, OperationDefinitionNode)]
    return bool(operations) and all(o.operation is OperationType.QUERY for o in operations)


def _read_message() -> Message | None:
    """Parse the request as MLflow's handler does; None for a route without a message."""
    rule = "" if request.url_rule is None else str(request.url_rule.rule)
    kind = _messages().get((rule, request.method))
    return None if kind is None else _get_request_message(kind())  # type: ignore[no-untyped-call]  # MLflow's own


@cache
def _messages() -> Mapping[tuple[str, str], type[Message]]:
    """Return the message type of each route and method."""

    def same(message: type[Message] | None) -> type[Message] | None:
        return message

    return {
        (path, method): kind
        for path, kind, methods in get_endpoints(same)  # type: ignore[no-untyped-call]  # MLflow's own
        for method in methods
        if isinstance(kind, type) and issubclass(kind, Message)
    }


def _items(message: Message | None, name: str) -> Iterable[Message]:
    """Return the items of a repeated field of messages; none without such a field."""
    found: Any = getattr(message, name, ())
    return [each for each in found if isinstance(each, Message)]


def _texts(messages: Iterable[Message | None], name: str) -> Iterator[str]:
    """Yield the values of a text field that are set."""
    for message in messages:
        field = None if message is None else message.DESCRIPTOR.fields_by_name.get(name)
        if field is not None and message is not None and message.HasField(name):
            yield str(getattr(message, name))
