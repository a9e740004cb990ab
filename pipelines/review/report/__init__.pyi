from .headline import describe_headline
from .publish import publish_packet

__all__ = [
    "describe_headline",
    "publish_packet",
]
