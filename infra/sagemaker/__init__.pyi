from .artifact import FILE
from .connection import AwsError, open_session, translated_errors
from .endpoint_status import BUSY, FAILED, IN_SERVICE, UPDATING
from .machines import instance_problems
from .names import CANDIDATE, SHADOW, VARIANT, endpoint_name
from .policy import EndpointPolicy
from .strategies import ALL_TRAFFIC_PERCENT, MAX_STEP_PERCENT, strategy_of_routing

__all__ = [
    "ALL_TRAFFIC_PERCENT",
    "BUSY",
    "CANDIDATE",
    "FAILED",
    "FILE",
    "IN_SERVICE",
    "MAX_STEP_PERCENT",
    "SHADOW",
    "UPDATING",
    "VARIANT",
    "AwsError",
    "EndpointPolicy",
    "endpoint_name",
    "instance_problems",
    "open_session",
    "strategy_of_routing",
    "translated_errors",
]
