from .headline import describe_headline
from .publish import publish_report

__all__ = [
    "describe_headline",
    "publish_report",
]
