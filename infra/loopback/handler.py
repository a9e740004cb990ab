"""The check of Host and Origin in a handler of Python's own HTTP server."""

from http.server import BaseHTTPRequestHandler

from infra.loopback.rule import OwnAddresses, find_refusal


def refuse_foreign_request(handler: BaseHTTPRequestHandler, own: OwnAddresses) -> bool:
    """Refuse a request that `own` does not allow; return True if it was refused.

    The connection is closed after a refusal, as its body is not read.
    """
    headers: dict[str, str] = {}
    for raw, text in handler.headers.items():
        name = raw.lower()
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    refusal = find_refusal(own, headers, method=handler.command, target=handler.path)
    if refusal is None:
        return False
    handler.close_connection = True
    body = f"{refusal.text}\n".encode()
    handler.send_response(refusal.status)
    handler.send_header("Content-Type", "text/plain; charset=utf-8")
    handler.send_header("Content-Length", str(len(body)))
    handler.send_header("Connection", "close")
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)
    return True
