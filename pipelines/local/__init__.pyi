from .demo import run_demo, simulate_source
from .doctor import examine
from .draft import draft_spec
from .up import serve_stack

__all__ = [
    "draft_spec",
    "examine",
    "run_demo",
    "serve_stack",
    "simulate_source",
]
