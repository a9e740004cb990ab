"""HTTP/1.1 on the loopback address: server and client."""

from infra.emulator.http.channel import Answer, Channel, Done
from infra.emulator.http.listener import Listener, Request
from infra.emulator.http.moto_middleware import OWN_KEY, MotoMiddleware, write_error

__all__ = [
    "OWN_KEY",
    "Answer",
    "Channel",
    "Done",
    "Listener",
    "MotoMiddleware",
    "Request",
    "write_error",
]
