"""Asks the container's own /ping: `python -m infra.serving.http.health`, for a HEALTHCHECK."""

import http.client
import os
import sys

TIMEOUT_SECONDS = 2.0


def is_ready(port: int) -> bool:
    """Return True if the container on this machine has loaded its model."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_ready(int(os.environ.get("SAGEMAKER_BIND_TO_PORT") or "8080")))
