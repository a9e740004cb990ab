"""Loads a bundle in a process of its own first, which may crash or hang in this one's place.

The model's text is checked before LightGBM reads it, but LightGBM is C++: what the check misses
ends the process or never returns, and neither leaves a reason in the log.
"""

import os
import select
import signal
import time
from collections.abc import Callable

from infra.serving.model.bundle import BundleError

TRIAL_SECONDS = 60.0
MAX_MESSAGE_BYTES = 64 * 1024
SUCCESS, REFUSED = 0, 3
STDOUT, STDERR = 1, 2


def try_apart(load: Callable[[], object], *, seconds: float = TRIAL_SECONDS) -> None:
    """Run a function that loads a bundle in a fork of this process; call it with one thread.

    Raises:
        BundleError: what the function raised, or how its process ended instead of returning.
    """
    reads, writes = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reads)
        _run(load, writes)
    os.close(writes)
    try:
        message = _read_until_end(reads, until=time.monotonic() + seconds)
        if message is None:
            os.kill(pid, signal.SIGKILL)
    finally:
        os.close(reads)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if message is None:
        raise BundleError(
            f"The model did not load within {seconds:.0f} s. Deploy the registered version again; "
            "if that is as slow, train a smaller model."
        )
    if code == REFUSED:
        raise BundleError(message)
    if code != SUCCESS:
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"status {code}"
        raise BundleError(
            f"LightGBM ended the process that loaded the model, with {how}. "
            "Deploy the registered version again, or train the model again."
        )


def _run(load: Callable[[], object], writes: int) -> None:
    """Load, say what was refused, and leave without a word of the parent's."""
    code = 1
    # LightGBM warns on standard output, which is for metrics alone.
    os.dup2(STDERR, STDOUT)
    try:
        load()
        code = SUCCESS
    except BundleError as error:
        os.write(writes, str(error).encode(errors="replace")[:MAX_MESSAGE_BYTES])
        code = REFUSED
    except BaseException as error:  # noqa: BLE001 -- a fork must not go on as its parent
        os.write(writes, f"The bundle cannot be loaded: {error!r}".encode()[:MAX_MESSAGE_BYTES])
        code = REFUSED
    finally:
        os._exit(code)


def _read_until_end(reads: int, *, until: float) -> str | None:
    """Read what the other end wrote before it closed; None when it is still open at the time."""
    parts: list[bytes] = []
    while (left := until - time.monotonic()) > 0:
        if not select.select([reads], [], [], left)[0]:
            return None
        part = os.read(reads, MAX_MESSAGE_BYTES)
        if not part:
            return b"".join(parts).decode(errors="replace")
        parts.append(part)
    return None
