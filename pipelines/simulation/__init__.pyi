from .delivery import simulate_files

__all__ = [
    "simulate_files",
]
