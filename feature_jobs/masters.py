"""Whether a Spark master listens, asked before a session is opened.

Spark itself asks three times, a minute in all, and then reports a null pointer.
"""

import re
import socket

from expectations.contract import OvernightError

CONNECT_SECONDS = 5.0


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


def _connect(address: str) -> str | None:
    """Why there is no connection; None when there is one."""
    found = re.fullmatch(r"(.+):(\d{1,5})", address)
    if found is None:
        return "it is not host:port"
    try:
        with socket.create_connection((found[1].strip("[]"), int(found[2])), CONNECT_SECONDS):
            return None
    except (OSError, OverflowError) as error:
        return str(error)
