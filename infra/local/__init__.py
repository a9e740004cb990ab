"""Services of one machine: started together, stopped with all that they started."""

from infra.local.sandbox import own_sagemaker
from infra.local.services import (
    Ports,
    build_sagemaker,
    build_services,
    embedded_home,
    is_sagemaker_up,
    read_ports,
)

__all__ = [
    "Ports",
    "build_sagemaker",
    "build_services",
    "embedded_home",
    "is_sagemaker_up",
    "own_sagemaker",
    "read_ports",
]
