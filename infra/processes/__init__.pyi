from .locks import hold, only_one, refuse_held
from .service import Service, refuse_taken_ports, running

__all__ = [
    "Service",
    "hold",
    "only_one",
    "refuse_held",
    "refuse_taken_ports",
    "running",
]
