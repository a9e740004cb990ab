"""SIGTERM as an exception, raised in the middle of a wait.

Airflow 3.3 answers SIGTERM in a task with the operator's `on_kill` and lets the task go on, until
SIGKILL a few seconds later; so what has to be stopped elsewhere is stopped here.
"""

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from expectations.contract import OvernightError

log = logging.getLogger(__name__)


class _Terminated(BaseException):
    """SIGTERM arrived; no Exception, so that no handler of failures catches it."""


@contextlib.contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` when SIGTERM or Ctrl-C ends the block; then the signal takes its usual effect.

    It happens too where `stop` fails; the log has the reason. Outside of the main
    thread only Ctrl-C is handled: Python lets no other thread handle signals.

    Raises:
        OvernightError: after SIGTERM, where the former handling lets the process go on.
    """
    is_main = threading.current_thread() is threading.main_thread()
    former = signal.signal(signal.SIGTERM, _raise) if is_main else None
    try:
        yield
        return
    except _Terminated:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        _try(stop)
    except KeyboardInterrupt:
        _try(stop)
        raise
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, former or signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
    raise OvernightError("Stopped by SIGTERM. Run it again when it is wanted.")


def _try(stop: Callable[[], None]) -> None:
    try:
        stop()
    except Exception as error:  # noqa: BLE001 -- the signal must not be lost for any
        log.warning("What was begun elsewhere goes on: %s", error)


def _raise(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 -- the signature of a handler
    raise _Terminated
