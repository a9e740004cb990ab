from .environment import POOLS, build_airflow_environment

__all__ = [
    "POOLS",
    "build_airflow_environment",
]
