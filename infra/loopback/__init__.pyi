from .asgi import LoopbackMiddleware
from .handler import refuse_foreign_request
from .rule import NAMES, OwnAddresses, find_refusal, own_addresses
from .wsgi import refuse_foreign

__all__ = [
    "NAMES",
    "LoopbackMiddleware",
    "OwnAddresses",
    "find_refusal",
    "own_addresses",
    "refuse_foreign",
    "refuse_foreign_request",
]
