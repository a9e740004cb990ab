"""Limits on the sizes of a request, and the errors beyond them."""

from http import HTTPStatus

from infra.serving.model import RequestError

MAX_BODY_BYTES = 6 * 1024 * 1024
MAX_HEAD_BYTES = 64 * 1024
MAX_TARGET_BYTES = 8 * 1024


def large_body() -> RequestError:
    """Build the error for a body above the limit."""
    return RequestError(
        f"The body is larger than {MAX_BODY_BYTES:,} bytes; send fewer instances.",
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    )


def large_head() -> RequestError:
    """Build the error for headers or trailers above the limit."""
    return RequestError(
        f"The headers are larger than {MAX_HEAD_BYTES:,} bytes; send fewer or shorter ones.",
        status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    )


def long_target() -> RequestError:
    """Build the error for a request target above the limit."""
    return RequestError(
        f"The request target is longer than {MAX_TARGET_BYTES:,} bytes; ask for /invocations.",
        status=HTTPStatus.REQUEST_URI_TOO_LONG,
    )
