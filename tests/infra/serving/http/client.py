"""A client that speaks HTTP byte by byte, and the requests that it sends."""

import json
import socket

from tests.infra.bundles import make_instances

PING = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"


class Client:
    """A socket, and the answers that come from it."""

    def __init__(self, container):
        self.socket = socket.create_connection(("127.0.0.1", container.port), timeout=30)
        self.stream = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def answer(self, *, has_body=True):
        status = int(self.stream.readline().split()[1])
        headers = {}
        while line := self.stream.readline().strip():
            name, _, value = line.partition(b": ")
            headers[name.lower()] = value
        body = self.stream.read(int(headers.get(b"content-length", 0))) if has_body else b""
        return status, headers, body

    def is_ended(self):
        return self.stream.read(1) == b""


def invocation(count, *, seed):
    instances = [{**each, "channel": "app"} for each in make_instances(count, seed=seed)]
    body = json.dumps({"instances": instances}).encode()
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body, instances
