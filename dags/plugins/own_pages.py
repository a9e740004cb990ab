"""Airflow's API server answers requests that name it, from its own pages or from programs.

On one machine everybody is an administrator, so a page of another site that reaches the server
could trigger and change anything. Where Airflow listens beyond the loopback address, the proxy in
front of it and its sign-in decide.
"""

from typing import Any, ClassVar

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from infra.loopback import NAMES, LoopbackMiddleware, OwnAddresses, own_addresses


def _middlewares() -> list[dict[str, Any]]:
    if conf.get("api", "host") not in NAMES:
        return []
    known = [
        conf.get("api", "base_url", fallback="") or "",
        conf.get("core", "execution_api_server_url", fallback="") or "",
    ]
    own = OwnAddresses(own_addresses(conf.getint("api", "port"), known), has_pages=True)
    return [
        {"name": "own pages", "middleware": LoopbackMiddleware, "args": [], "kwargs": {"own": own}}
    ]


class OwnPages(AirflowPlugin):
    """Puts the check of Host and Origin before everything that the API server answers."""

    name = "overnight_own_pages"
    fastapi_root_middlewares: ClassVar[list[dict[str, Any]]] = _middlewares()  # type: ignore[misc]
