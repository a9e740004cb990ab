"""The last run of a DAG, read from Airflow's REST API where it can be reached.

Airflow itself is not imported: only `dags` may do that.
"""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping

from pipelines.config import one_line
from pipelines.config.installation import Settings, airflow_environment

GLANCE_SECONDS = 2


def describe_last_run(dag: str, *, settings: Settings) -> str:
    """Describe a DAG's latest run in one line: state, times (UTC), kind; or why it is unknown.

    Args:
        dag: its id, such as `demo_nightly`.
        settings: name Airflow's port, unless `AIRFLOW__API__BASE_URL` is set. Where Airflow asks
            for a sign-in, `OVERNIGHT_AIRFLOW_USERNAME` and `OVERNIGHT_AIRFLOW_PASSWORD` are used.
    """
    address = airflow_environment(settings)["AIRFLOW__API__BASE_URL"].rstrip("/")
    try:
        token = _call(f"{address}/auth/token", body=_known())["access_token"]
        latest = f"{address}/api/v2/dags/{dag}/dagRuns?order_by=-run_after&limit=1"
        runs = _call(latest, headers={"Authorization": f"Bearer {token}"})["dag_runs"]
    except urllib.error.HTTPError as error:
        return f"Airflow at {address} does not answer: {error.code} {error.reason}"
    except (OSError, ValueError, LookupError):
        return f"Airflow is not running at {address}"
    if not isinstance(runs, list) or not runs:
        return "none yet"
    run = runs[0]
    times = [
        str(run[each])[:19].replace("T", " ") for each in ("start_date", "end_date") if run[each]
    ]
    who = run.get("triggering_user_name")
    message = f"{run['state']}, {' to '.join(times) or 'not started'}, {run['run_type']}"
    return one_line(f"{message} by {who}" if who else message)


def _known() -> Mapping[str, str] | None:
    """Return the credentials for Airflow; None where it asks for none."""
    name = os.environ.get("OVERNIGHT_AIRFLOW_USERNAME")
    password = os.environ.get("OVERNIGHT_AIRFLOW_PASSWORD", "")
    return {"username": name, "password": password} if name else None


def _call(
    address: str,
    *,
    body: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Mapping[str, object]:
    asked = urllib.request.Request(  # noqa: S310 -- http, from our settings
        address,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **(headers or {})},
    )
    with urllib.request.urlopen(asked, timeout=GLANCE_SECONDS) as answer:  # noqa: S310 -- the same
        found: Mapping[str, object] = json.load(answer)
    return found
