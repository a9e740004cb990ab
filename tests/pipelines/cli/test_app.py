"""The command line as people use it: real processes, exit codes, messages."""

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from expectations.contract import InputError
from pipelines import steps
from pipelines.cli.app import app
from tests.mlflow_file import write_mlflow_file

OVERNIGHT = Path(sys.executable).with_name("overnight")
# DESIGN's list: steps, and what sets an installation up.
COMMANDS = {
    "run", "ingest", "validate", "build-features", "build-training-set", "tune", "train",
    "evaluate", "register", "review", "approve", "reject", "plan", "deploy", "rollback", "status",
    "score", "quarantine", "simulate", "new", "doctor", "features", "prove-no-leak", "backtest",
    "demo", "up", "decisions", "reconcile", "compare",
}  # fmt: skip


@pytest.fixture
def overnight(tmp_path: Path):
    write_mlflow_file(tmp_path / "home")

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        environment |= {"OVERNIGHT_HOME": str(tmp_path / "home"), "COLUMNS": "200"}
        environment |= {"OVERNIGHT_SPECS": str(tmp_path)}
        return subprocess.run(
            [OVERNIGHT, *arguments],
            env=environment, capture_output=True, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip

    return call


def test_every_command_is_listed(overnight) -> None:
    text = overnight("--help").stdout
    assert {line.split()[0] for line in text.splitlines() if line.startswith("  ")} >= COMMANDS


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; import pipelines.cli.app as c; c.app(['--help'], standalone_mode=False); "
        "print('loaded', sorted({'pandas', 'pyarrow', 'numpy', 'pydantic', 'mlflow'} & "
        "{m.partition('.')[0] for m in sys.modules}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[-1] == "loaded []"


@pytest.mark.parametrize("step", steps.EVERY_STEP)
def test_a_steps_help_is_its_docstring(step) -> None:
    shown = CliRunner().invoke(app, [step.__name__.replace("_", "-"), "--help"])
    assert shown.exit_code == 0
    assert str(step.__doc__).splitlines()[0] in " ".join(shown.output.split())


def test_every_step_tells_of_an_outage_in_words_of_ours() -> None:
    assert [step.__name__ for step in steps.EVERY_STEP if not hasattr(step, "__wrapped__")] == []


def test_a_faulty_spec_ends_with_2_and_every_problem(overnight, tmp_path: Path) -> None:
    (tmp_path / "cards.toml").write_text("[source]\npaht = 'x'\n")
    ran = overnight("validate", "cards", "--as-of", "2025-01-01", "--snapshot", "x")
    assert ran.returncode == 2
    assert "problems in cards.toml" in ran.stderr
    assert "source.paht: unknown key" in ran.stderr
    assert "source.roles: missing" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ingest", "nosuch", "--as-of", "2025-01-01"], "There is no spec 'nosuch'"),
        (["ingest", "demo", "--as-of", "yesterday"], "as_of 'yesterday' is not a date"),
        (["ingest", "demo", "--as-of", "2025-01-01"], "transactions.parquet does not exist"),
        (["build-features", "demo", "--as-of", "2025-04-01"], 'Run "overnight ingest" first'),
        (["approve", "demo", "challenger", "--because", "ok"], "has no version 'challenger'"),
        (["deploy", "demo"], "No version of demo is approved"),
        (["rollback", "demo"], "has no champion before this one"),
        (["score", "demo"], "demo has no features"),
    ],
)
def test_a_users_mistake_ends_with_2_and_a_remedy(overnight, arguments, said: str) -> None:
    ran = overnight(*arguments)
    assert ran.returncode == 2, ran.stderr
    assert said in " ".join(ran.stderr.split())
    assert "Traceback" not in ran.stderr


def test_every_feature_of_a_spec_is_listed_with_its_meaning(overnight) -> None:
    ran = overnight("features", "demo")
    assert ran.returncode == 0, ran.stderr
    shown = ran.stdout.splitlines()
    at = shown.index("device_customer_distinct_2d")
    assert shown[at + 1 : at + 4] == [
        "    number of different values of customer of the same device over the 2d up to it",
        "    reads device_id, event_time, known_time, customer_id",
        "    0 where nothing is in the window; null where device_id is; "
        "a null or NaN customer_id does not count",
    ]
    assert shown[-1] == "22 features"


def test_a_plan_of_features_needs_data(overnight) -> None:
    ran = overnight("features", "demo", "--plan")
    assert ran.returncode == 2
    assert 'Run "overnight ingest" first' in ran.stderr


def test_debug_shows_where(overnight) -> None:
    ran = overnight("ingest", "nosuch", "--as-of", "2025-01-01", "--debug")
    assert ran.returncode == 1
    assert "Traceback" in ran.stderr


def test_a_taken_port_is_named_with_its_variable(overnight, monkeypatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("OVERNIGHT_MLFLOW_PORT", str(taken.getsockname()[1]))
        ran = overnight("up")
    assert ran.returncode == 2
    assert "OVERNIGHT_MLFLOW_PORT" in ran.stderr


def test_a_port_that_is_none_is_refused(overnight, monkeypatch) -> None:
    monkeypatch.setenv("OVERNIGHT_AIRFLOW_PORT", "http")
    monkeypatch.setenv("OVERNIGHT_AWS_PORT", "70000")
    ran = overnight("status", "demo")
    assert ran.returncode == 2
    assert "2 problems in the environment" in ran.stderr


def test_a_first_spec_drawn_from_a_file_is_complete(overnight, tmp_path: Path) -> None:
    count, start = 2_000, datetime(2025, 1, 1, tzinfo=UTC)
    rows = {
        "TransactionNumber": range(count),
        "booked_at": [start + timedelta(hours=n) for n in range(count)],
        "card": [n % 50 for n in range(count)],
        "value_eur": [float(n % 90) for n in range(count)],
        "was_fraud": [int(n % 100 == 0) for n in range(count)],
    }
    pq.write_table(pa.table({k: list(v) for k, v in rows.items()}), tmp_path / "bank.parquet")
    made = overnight("new", "bank", "--from", "bank.parquet")
    assert made.returncode == 0, made.stderr
    examined = overnight("doctor", "bank")
    assert examined.returncode == 0, examined.stderr
    assert "2,000 rows, 2025-01-01 to 2025-03-25" in examined.stdout
    again = overnight("new", "bank", "--from", "bank.parquet")
    assert again.returncode == 2
    assert "There is a spec 'bank' already" in again.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("run", "none", "--as-of", "tomorrow"), "as_of 'tomorrow' is not a date"),
        (("ingest", "none", "--as-of", "tomorrow"), "as_of 'tomorrow' is not a date"),
        (("validate", "none", "--as-of", "2025-13-01"), "as_of '2025-13-01' is not a date"),
        (("build-features", "none", "--as-of", "x", "--from", "y"), "--from 'y' is not a day"),
        (("build-training-set", "none", "--as-of", "tomorrow"), "as_of 'tomorrow' is not a date"),
        (("tune", "none", "--as-of", "tomorrow"), "as_of 'tomorrow' is not a date"),
        (("train", "none", "--as-of", "tomorrow"), "as_of 'tomorrow' is not a date"),
        (("evaluate", "none", "--as-of", "tomorrow"), "as_of 'tomorrow' is not a date"),
        (("register", "none", "--as-of", "tomorrow"), "as_of 'tomorrow' is not a date"),
        (("backtest", "none", "--as-of", "tomorrow"), "as_of 'tomorrow' is not a date"),
        (("prove-no-leak", "none", "--as-of", "tomorrow"), "as_of 'tomorrow' is not a date"),
        (("disagreements", "none", "--from", "soon", "--to", "then"), "--to 'then' is not a day"),
        (("score-batch", "none", "--day", "monday"), "--day 'monday' is not a day"),
    ],
)
def test_a_date_that_is_none_is_refused_before_anything_else(
    command: tuple[str, ...], said: str
) -> None:
    result = CliRunner().invoke(app, list(command))
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)


def test_the_version_and_debug_are_in_the_help() -> None:
    told = CliRunner().invoke(app, ["--version"])
    assert (told.exit_code, told.output) == (0, f"overnight {version('overnight')}\n")
    text = CliRunner().invoke(app, ["--help"]).output
    assert "--version" in text
    assert "--debug" in text


def test_days_of_requests_are_not_said_to_be_built() -> None:
    text = CliRunner().invoke(app, ["disagreements", "--help"]).output
    assert "build" not in text


def test_a_broken_spec_is_a_line_of_status_and_a_mistake_where_it_is_named(
    overnight, tmp_path: Path
) -> None:
    (tmp_path / "broken.toml").write_text('[source]\npath = "x\n')
    ran = overnight("status")
    assert ran.returncode == 0, ran.stderr
    first, second = ran.stdout.splitlines()
    assert first.startswith("demo ")
    assert second.startswith("broken           BROKEN: broken.toml is not TOML")
    for command in ("status", "doctor"):
        named = overnight(command, "broken")
        assert named.returncode == 2
        assert "broken.toml is not TOML" in named.stderr
        assert "Traceback" not in named.stderr
