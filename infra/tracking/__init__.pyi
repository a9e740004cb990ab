from .database import make_tracking, wait_for_locks
from .roles import APPROVED_BY, ASKED, ASKED_BY, ROLES_VARIABLE, read_roles
from .server import build_mlflow

__all__ = [
    "APPROVED_BY",
    "ASKED",
    "ASKED_BY",
    "ROLES_VARIABLE",
    "build_mlflow",
    "make_tracking",
    "read_roles",
    "wait_for_locks",
]
