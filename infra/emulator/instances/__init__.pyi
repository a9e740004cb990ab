from .environment import FROM_MACHINE, refuse_environment
from .runtime import Runtime, choose_runtime

__all__ = [
    "FROM_MACHINE",
    "Runtime",
    "choose_runtime",
    "refuse_environment",
]
