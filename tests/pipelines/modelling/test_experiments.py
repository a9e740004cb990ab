"""Runs side by side, experiments that stay out of the registry, and the last night told."""

import json
import os
import pwd
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from expectations.contract import InputError
from pipelines import steps
from pipelines.cli.compare import compare_runs
from pipelines.config.installation.settings import load_settings
from pipelines.monitoring.airflow_page import describe_last_run
from tests.pipelines.nights import AS_OF, QUIET, Night

pytestmark = QUIET

SMALL = {"training__trials": 1, "training__lightgbm__members": 1}


@pytest.fixture(scope="module")
def runs(night: Night) -> tuple[str, str]:
    """Two experiments of different seeds."""
    first, second = (night.candidate(training__seed=seed, **SMALL) for seed in (1, 2))
    return first, second


def test_all_runs_have_the_same_names_of_parameters_and_metrics(night: Night, runs) -> None:
    held = night.registry.runs
    first, second = (run.removeprefix("runs:/") for run in runs)
    assert held.params(first).keys() == held.params(second).keys()
    assert held.metrics(first).keys() == held.metrics(second).keys()
    assert {"test_average_precision", "test_average_precision_low"} <= held.metrics(first).keys()


def test_a_comparison_shows_what_differs_and_counts_the_rest(night: Night, runs) -> None:
    head, *rows, last = compare_runs(night.reference(), runs).splitlines()
    assert head.split() == list(runs)
    cells = {row.split("  ")[0]: row.split()[-2:] for row in rows}
    assert cells["seed"] == ["1", "2"]
    # Both end alike, and begin with the same path: what is shown is where they differ.
    assert ["seed=1" in row and "seed=2" in row for row in rows if row.startswith("spec ")] == [
        True
    ]
    assert not cells.keys() & {"trials", "train_window", "train window", "as of", "experiment"}
    assert int(last.split()[0]) > 10
    assert last.endswith("more values are the same in all")


def test_intervals_stand_behind_their_metric(night: Night, runs) -> None:
    shown = compare_runs(night.reference(), runs)
    metrics = night.registry.runs.metrics(runs[0].removeprefix("runs:/"))
    value, low, high = (metrics[f"test_average_precision{end}"] for end in ("", "_low", "_high"))
    assert f"{value:.4f} ({low:.4f} to {high:.4f})" in shown
    assert "test_average_precision_low" not in shown


@pytest.mark.parametrize(
    ("wanted", "said"),
    [(["champion"], "two runs or more"), (["1", "runs:/0a1b"], "no run or version '1'")],
)
def test_what_cannot_be_compared_is_refused(night: Night, wanted: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        compare_runs(night.reference(), wanted)


def test_an_experiment_is_registered_only_when_asked(night: Night, runs) -> None:
    changed = night.reference(training__seed=1, **SMALL)
    assert night.registry.runs.tags(runs[0].removeprefix("runs:/"))["overnight.experiment"] == "yes"
    for ask in ("automatic", "no"):
        assert steps.register(changed, AS_OF, runs[0], ask) == runs[0]
    assert night.registry.versions() == []
    assert steps.register(changed, AS_OF, runs[0], "yes") == "models:/cards/1"
    # The version and its run are the same values.
    assert compare_runs(night.reference(), ["1", runs[0]]).endswith("nothing differs.")
    with pytest.raises(InputError, match="none of automatic, yes, no"):
        steps.register(changed, AS_OF, runs[0], "perhaps")


def test_status_tells_the_last_night_and_where_to_look(night: Night, runs) -> None:
    told = steps.status(night.reference())
    night_line = next(line for line in told.splitlines() if "last night" in line)
    assert f"as of {AS_OF}, {runs[1]}, finished 20" in night_line
    assert f", by {pwd.getpwuid(os.getuid()).pw_name} (operating system), gate " in night_line
    assert "seed=2" in night_line
    assert "Airflow is not running at http://127.0.0.1:" in told
    assert "/dags/cards_nightly" in told


class Airflow(BaseHTTPRequestHandler):
    """Answers as Airflow's interface does to the two questions about a DAG's last run."""

    def do_GET(self) -> None:
        run = {
            "state": "failed", "run_type": "manual", "start_date": "2025-04-01T02:00:05.1Z",
            "end_date": "2025-04-01T02:03:00Z", "triggering_user_name": "alice",
        }  # fmt: skip
        held = {"access_token": "t"} if self.path == "/auth/token" else {"dag_runs": [run]}
        is_known = "other" not in self.path
        self.send_response(200 if is_known else 404)
        self.end_headers()
        self.wfile.write(json.dumps(held).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Airflow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", address)
    yield address
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("night")
def test_the_dag_run_of_the_last_night_is_asked_of_airflow(airflow: str) -> None:
    told = describe_last_run("cards_nightly", settings=load_settings())
    assert told == "failed, 2025-04-01 02:00:05 to 2025-04-01 02:03:00, manual by alice"
    refused = describe_last_run("other", settings=load_settings())
    assert refused == f"Airflow at {airflow} does not answer: 404 Not Found"
