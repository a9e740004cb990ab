"""What Airflow's own interface says of the last run of a DAG, where it can be reached.

Without importing Airflow: only the rooms of DAG files know it.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping

from pipelines.airflow_runs import airflow_environment
from pipelines.settings import Settings

GLANCE_SECONDS = 2


def describe_last_run(dag: str, *, settings: Settings) -> str:
    """State, times (UTC) and kind of a DAG's newest run, in one line; never raises for Airflow.

    Args:
        dag: its id, such as `demo_nightly`.
        settings: says where Airflow listens, unless `AIRFLOW__API__BASE_URL` does.
    """
    address = airflow_environment(settings)["AIRFLOW__API__BASE_URL"].rstrip("/")
    try:
        token = _get(f"{address}/auth/token")["access_token"]
        newest = f"{address}/api/v2/dags/{dag}/dagRuns?order_by=-run_after&limit=1"
        runs = _get(newest, {"Authorization": f"Bearer {token}"})["dag_runs"]
    except urllib.error.HTTPError as error:
        return f"Airflow at {address} does not tell: {error.code} {error.reason}"
    except (OSError, ValueError, LookupError):
        return f"Airflow is not running at {address}"
    if not isinstance(runs, list) or not runs:
        return "none yet"
    run = runs[0]
    times = [
        str(run[each])[:19].replace("T", " ") for each in ("start_date", "end_date") if run[each]
    ]
    who = run.get("triggering_user_name")
    return f"{run['state']}, {' to '.join(times) or 'not started'}, {run['run_type']}" + (
        f" by {who}" if who else ""
    )


def _get(address: str, headers: Mapping[str, str] | None = None) -> Mapping[str, object]:
    asked = urllib.request.Request(address, headers=dict(headers or {}))  # noqa: S310 -- http, from our settings
    with urllib.request.urlopen(asked, timeout=GLANCE_SECONDS) as answer:  # noqa: S310 -- the same
        found: Mapping[str, object] = json.load(answer)
    return found
