from .disagreement import describe_disagreements
from .status import describe_status

__all__ = [
    "describe_disagreements",
    "describe_status",
]
