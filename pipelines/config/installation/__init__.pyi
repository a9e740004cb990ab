from .actors import UNKNOWN, Actor, os_actor, parse_actor, signed_in_as
from .compute import Session
from .notifiers import VARIABLE, load_notifiers, read_notifiers
from .scheduler import airflow_environment
from .settings import CHECKOUT, DAGS, Settings, load_settings

__all__ = [
    "CHECKOUT",
    "DAGS",
    "UNKNOWN",
    "VARIABLE",
    "Actor",
    "Session",
    "Settings",
    "airflow_environment",
    "load_notifiers",
    "load_settings",
    "os_actor",
    "parse_actor",
    "read_notifiers",
    "signed_in_as",
]
