"""The page of a list that a `List…` request asks for."""

import base64
import binascii
from collections.abc import Sequence

from infra.emulator.protocol.protocol import Content, invalid

DEFAULT_PAGE = 10


def cut_page(
    found: Sequence[Content], request: Content, *, name: str
) -> tuple[list[Content], str | None]:
    """Filter, sort and cut; return the page and the token of the next one.

    Args:
        found: descriptions of all, in the order of their creation.
        request: of the operation.
        name: the key of a resource's name.

    Raises:
        ServiceError: when the token is none that was given out.
    """
    chosen = [one for one in found if _is_asked_for(one, request, name=name)]
    if request.get("SortBy") == "Name":
        chosen.sort(key=lambda one: str(one[name]), reverse=request.get("SortOrder") != "Ascending")
    elif request.get("SortBy") == "Status":
        chosen.sort(
            key=lambda one: str(one["EndpointStatus"]),
            reverse=request.get("SortOrder") != "Ascending",
        )
    elif request.get("SortOrder") != "Ascending":
        chosen.reverse()
    begin = _read_token(request.get("NextToken"))
    end = begin + int(request.get("MaxResults", DEFAULT_PAGE))
    token = base64.b64encode(str(end).encode()).decode() if end < len(chosen) else None
    return chosen[begin:end], token


def _is_asked_for(one: Content, request: Content, *, name: str) -> bool:
    if request.get("NameContains", "") not in one[name]:
        return False
    if request.get("StatusEquals", one.get("EndpointStatus")) != one.get("EndpointStatus"):
        return False
    for member in ("CreationTime", "LastModifiedTime"):
        time = one.get(member, 0.0)
        if time <= request.get(f"{member}After", float("-inf")):
            return False
        if time >= request.get(f"{member}Before", float("inf")):
            return False
    return True


def _read_token(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError) as error:
        raise invalid(f"The NextToken {token!r} was not given out by this server.") from error
