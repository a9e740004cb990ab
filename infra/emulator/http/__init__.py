"""HTTP/1.1 on the loopback address, both ends."""

from infra.emulator.http.channel import Answer, Channel, Done
from infra.emulator.http.double_middleware import OWN_KEY, Gate, write_error
from infra.emulator.http.listener import Listener, Request

__all__ = [
    "OWN_KEY",
    "Answer",
    "Channel",
    "Done",
    "Gate",
    "Listener",
    "Request",
    "write_error",
]
