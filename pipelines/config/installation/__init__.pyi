from .actors import UNKNOWN, Actor, os_actor, parse_actor, signed_in_as
from .compute import Session
from .notifiers import VARIABLE, load_notifiers, read_notifiers
from .settings import CHECKOUT, DAGS, Settings, airflow_environment, load_settings
from .variables import UNSET, VARIABLE_GROUPS

__all__ = [
    "CHECKOUT",
    "DAGS",
    "UNKNOWN",
    "UNSET",
    "VARIABLE",
    "VARIABLE_GROUPS",
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
