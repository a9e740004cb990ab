"""The check of Host and Origin: a server answers requests that name it, from its own pages.

A page of any site can send requests to 127.0.0.1, and by giving its own name that address (DNS
rebinding) also read the answers. Browsers send the requested name (Host) and the requesting page
(Origin, Sec-Fetch-Site); programs send no Origin.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

NAMES = ("127.0.0.1", "localhost", "[::1]")
HTTP_PORT = 80
# From the server's own page, or typed by the user. What a program sends has none.
OWN_SITES = frozenset({"same-origin", "none"})
# A link on another page that opens a page here.
NAVIGATION = ("navigate", "document")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class OwnAddresses:
    """The addresses of a server that it answers.

    Attributes:
        addresses: host and port in lower case, `127.0.0.1:8768`.
        buckets: what follows a bucket's name in an address, `.localhost:8769`; empty for none.
            Clients of S3 put the bucket there unless the endpoint is a number. Browsers and
            resolvers give every name below `localhost` the loopback address, so nobody else can
            own one.
        has_pages: people follow links to it, from whatever page.
    """

    addresses: frozenset[str]
    buckets: str = ""
    has_pages: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason and status with which a request is refused."""

    status: HTTPStatus
    text: str


def own_addresses(port: int, further: Iterable[str] = ()) -> frozenset[str]:
    """Return the addresses of a port of this machine and of the other URLs that lead to it."""
    found = {f"{name}:{port}" for name in NAMES}
    found |= set(NAMES) if port == HTTP_PORT else set()
    return frozenset(found | {urlsplit(url).netloc.lower() for url in further} - {""})


def find_refusal(
    own: OwnAddresses, headers: Mapping[str, str], *, method: str, target: str
) -> Refusal | None:
    """Return the reason to refuse a request; None when it may be answered.

    Args:
        own: of the server.
        headers: by names in lower case; where one was sent twice, both, joined by a comma.
        method: of the request.
        target: as it was sent: a path, or in the absolute form a URL.
    """
    host = headers.get("host", "")
    if not host:
        return Refusal(HTTPStatus.BAD_REQUEST, f"There is no Host header; ask {_spoken(own)}.")
    for name in (host, *_named_by(target)):
        if not _is_own(own, name.lower()):
            text = f"Host {name!r} is not this server; ask {_spoken(own)}."
            return Refusal(HTTPStatus.FORBIDDEN, text)
    origin = headers.get("origin")
    if origin is not None and not _is_own_origin(own, origin.lower()):
        text = f"Pages of {origin!r} may not ask this server; only its own and programs may."
        return Refusal(HTTPStatus.FORBIDDEN, text)
    site = headers.get("sec-fetch-site")
    if site is None or site in OWN_SITES or (own.has_pages and _opens_page(headers, method)):
        return None
    return Refusal(HTTPStatus.FORBIDDEN, "A page of another site may not ask this server.")


def _named_by(target: str) -> tuple[str, ...]:
    """Return the address in a request target in absolute form."""
    if target.startswith("/") or target == "*":
        return ()
    try:
        return (urlsplit(target).netloc,)
    except ValueError:
        return (target,)


def _is_own(own: OwnAddresses, address: str) -> bool:
    if address in own.addresses:
        return True
    if not own.buckets or not address.endswith(own.buckets):
        return False
    return BUCKET.fullmatch(address.removesuffix(own.buckets)) is not None


def _is_own_origin(own: OwnAddresses, origin: str) -> bool:
    scheme, separator, address = origin.partition("://")
    return bool(separator) and scheme in {"http", "https"} and address in own.addresses


def _opens_page(headers: Mapping[str, str], method: str) -> bool:
    kind = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
    return kind == NAVIGATION and method in READING


def _spoken(own: OwnAddresses) -> str:
    return ", ".join(sorted(own.addresses))
