from .backtest import run_backtest

__all__ = [
    "run_backtest",
]
