"""Health of a Spark cluster: a master that listens, and a worker that gives an executor.

Spark itself asks a master three times, a minute in all, and then reports a null pointer; for a
worker it waits for ever.
"""

import re
import socket
import time

from pyspark.sql import SparkSession

from expectations.contract import OvernightError

CONNECT_SECONDS = 5.0
EXECUTOR_SECONDS = 180.0
POLL_SECONDS = 0.1


def refuse_silent_master(master: str) -> None:
    """Refuse an address of a standalone cluster where nothing listens.

    Args:
        master: `spark://host:port`, several with commas between them; others are not asked.

    Raises:
        OvernightError: naming every address that was tried, and why it gave no connection.
    """
    if not master.startswith("spark://"):
        return
    reasons = []
    for address in master.removeprefix("spark://").split(","):
        reason = _connect(address)
        if reason is None:
            return
        reasons.append(f"{address}: {reason}")
    raise OvernightError(
        f"No Spark master answers at {master} ({'; '.join(reasons)}). Start the cluster, or let "
        "OVERNIGHT_SPARK name one that runs, or local[*] for this machine."
    )


def await_executor(session: SparkSession, *, seconds: float = EXECUTOR_SECONDS) -> None:
    """Wait until a worker has given the session an executor.

    Raises:
        OvernightError: when none has in time.
    """
    # The list holds the driver too. pyspark has no other way to ask for it.
    tracker = session.sparkContext._jsc.sc().statusTracker()
    deadline = time.monotonic() + seconds
    while len(tracker.getExecutorInfos()) <= 1:
        if time.monotonic() > deadline:
            raise OvernightError(
                f"No worker of {session.sparkContext.master} gave an executor in "
                f"{seconds:.0f} s. Look at the master's page: are its workers alive, and have they "
                "a free core and 1 GB of memory?"
            )
        time.sleep(POLL_SECONDS)


def _connect(address: str) -> str | None:
    """Return the reason why there is no connection; None when there is one."""
    found = re.fullmatch(r"(.+):(\d{1,5})", address)
    if found is None:
        return "it is not host:port"
    try:
        with socket.create_connection((found[1].strip("[]"), int(found[2])), CONNECT_SECONDS):
            return None
    except (OSError, OverflowError) as error:
        return str(error)
