"""Number of connections that a process may hold, by its limit of open files (`ulimit -n`)."""

import resource

# Of a worker and of its parent: standard streams, event loop, channels, captured files, libraries.
RESERVED = 64
MIN_CONNECTIONS = 8
# Where there is no limit; a process with more would be out of memory first.
MAX_CONNECTIONS = 100_000


def read_connection_limit() -> int:
    """Return the connection limit of a worker started by this process."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return min(max(soft - RESERVED, MIN_CONNECTIONS), MAX_CONNECTIONS)
