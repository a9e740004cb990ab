"""Doctor refuses what the night would refuse, all at once; the spec's data are a small bank's."""

import json
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.contract import ProblemsError
from pipelines.config.installation.settings import load_settings
from pipelines.local.doctor import examine
from tests.pipelines.nights import SPEC

DAYS = 60


def rows(days: int = DAYS) -> dict[str, list[object]]:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    return {
        "id": list(range(days * 24)),
        "at": [start + timedelta(hours=n) for n in range(days * 24)],
        "amt": [float(n % 90) for n in range(days * 24)],
        "cust": [n % 50 for n in range(days * 24)],
        "channel": ["web"] * (days * 24),
        "count": [1] * (days * 24),
        "fraud": [int(n % 100 == 0) for n in range(days * 24)],
    }


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write spec and data, and examine them; gives the lines, and the problems."""
    monkeypatch.setenv("OVERNIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OVERNIGHT_SPECS", str(tmp_path))
    for name in ("OVERNIGHT_LAKE", "OVERNIGHT_STUDIES", "MLFLOW_TRACKING_URI", "OVERNIGHT_ROLES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    def examined(
        more: str = "", *, spec: str = SPEC, data: dict[str, list[object]] | None = None,
        reference: str = "cards",
    ) -> tuple[list[str], tuple[str, ...]]:  # fmt: skip
        load_settings.cache_clear()
        pq.write_table(pa.table(rows() if data is None else data), tmp_path / "none.parquet")
        text = spec.replace("none.parquet", str(tmp_path / "none.parquet"))
        (tmp_path / "cards.toml").write_text(text + more)
        lines: list[str] = []
        try:
            lines += examine(reference)
        except ProblemsError as error:
            return lines, error.problems
        return lines, ()

    yield examined
    load_settings.cache_clear()


def test_what_is_in_order_ends_with_the_next_command_and_its_date(bank) -> None:
    lines, problems = bank()
    assert problems == ()
    # The newest of 60 days from 2025-01-01 on is 2025-03-01.
    assert lines[-1] == "in order; next: overnight run cards --as-of 2025-03-02"
    begun = [line.split()[0] for line in lines[:-1]]
    assert begun == [
        "spec", "source", "endpoint", "java", "disk", "lake", "tracking", "studies", "roles",
        "notifiers",
    ]  # fmt: skip


BARE = re.sub(r"\[source.entities\]\n.*\n", "", SPEC)
BARE = re.sub(r"\[labels\]\n(.*\n){3}", "", BARE).replace('exclude_detected = "customer_id"\n', "")


def test_a_spec_without_entities_and_labels_is_in_order_up_to_the_features(bank) -> None:
    lines, problems = bank(spec=BARE)
    assert problems == ()
    assert lines[-1] == (
        "in order up to the features; next: overnight run cards --as-of 2025-03-02"
    )
    said = {line.split()[0]: line for line in lines[:-1]}
    assert "no windows, no card precision" in said["entities"]
    assert "declare [labels]" in said["labels"]


def test_data_of_one_day_are_shown_as_such(bank) -> None:
    lines, _ = bank(spec=BARE, data=rows(1))
    assert any("24 rows, all on 2025-01-01, 0 to quarantine" in line for line in lines)


def test_a_reference_with_changes_is_quoted_and_a_proposed_date_is_the_specs(bank) -> None:
    lines, _ = bank("[schedule]\nas_of = 2025-02-28\n", reference="cards?training.trials=5")
    assert lines[-1] == "in order; next: overnight run 'cards?training.trials=5' --as-of 2025-02-28"


BROKEN_SPECS = {
    "[schedule]\nnightly = '0 2 * *'\n": "schedule.nightly: got '0 2 * *'",
    "[schedule]\ndeploy = '0 26 * * *'\n": "schedule.deploy: got '0 26 * * *'",
    "[schedule]\nas_of = 2025-02-28\nnightly = '@daily'\n": "schedule.as_of: every night",
    '[endpoint]\ninstance_type = "ml.c6i.lagre"\n': "did you mean 'ml.c6i.large'?",
    '[endpoint]\ninstance_type = "ml.zzz.huge"\n': "SageMaker has no 'ml.zzz.huge'",
    '[[contract.expectations]]\nname = "expect_column_value_length_to_equal"\n'
    'column = "amount"\nvalue = 3\n': "did you mean",
    '[[contract.expectations]]\nname = "expect_column_values_to_be_between"\n'
    'column = "amuont"\nmax_value = 3\n': "amuont",
    "[contract]\namount = { minimum = 0, maximum = 1 }\n": "broke a rule",
}


@pytest.mark.parametrize("more", BROKEN_SPECS)
def test_what_a_spec_says_and_the_night_refuses_is_refused(bank, more: str) -> None:
    _, problems = bank(more)
    assert len(problems) == 1, problems
    assert BROKEN_SPECS[more] in problems[0]
    assert "problem" not in problems[0]  # none is within another


def no_data(data: dict[str, list[object]]) -> None:
    data.clear()
    data |= {name: [] for name in rows()}


def no_column(data: dict[str, list[object]]) -> None:
    del data["amt"]


def wrong_unit(data: dict[str, list[object]]) -> None:
    data["at"] = [datetime.fromtimestamp(at.timestamp() / 1e6, UTC) for at in data["at"]]


def too_few_days(data: dict[str, list[object]]) -> None:
    data |= rows(20)


def one_day(data: dict[str, list[object]]) -> None:
    data |= rows(1)


def two_days(data: dict[str, list[object]]) -> None:
    data |= rows(2)


# Train window 14 days, gap 2, a test window of 7 for each of two folds and the last, maturity 2.
DATA = {
    one_day: "source: 1.0 days of history; the spec's folds need 39. Deliver more, or make",
    two_days: "source: 2.0 days of history; the spec's folds need 39. Deliver more, or make",
    no_data: "holds no rows",
    no_column: "no column 'amt' for amount",
    wrong_unit: "Deliver timestamps in UTC",
    too_few_days: "days of history; the spec's folds need",
}


@pytest.mark.parametrize("change", DATA, ids=lambda change: change.__name__)
def test_what_data_the_night_refuses_are_refused(bank, change) -> None:
    data = rows()
    change(data)
    _, problems = bank(data=data)
    assert any(DATA[change] in problem for problem in problems), problems


def test_reports_whose_ids_are_of_another_kind_are_refused(bank, tmp_path: Path) -> None:
    reported = {"id": ["a"], "when": [datetime(2025, 2, 1, tzinfo=UTC)]}
    pq.write_table(pa.table(reported), tmp_path / "reports.parquet")
    table = f'path = "{tmp_path}/reports.parquet"\ntransaction_id = "id"\nknown_time = "when"'
    _, problems = bank(spec=SPEC.replace('column = "fraud"\ndelay = "2d"', table))
    assert len(problems) == 1
    assert "labels.transaction_id" in problems[0]


def a_lake_that_is_a_file(folder: Path) -> dict[str, str]:
    (folder / "lake").write_text("")
    return {"OVERNIGHT_LAKE": str(folder / "lake")}


def studies_that_are_no_database(folder: Path) -> dict[str, str]:
    (folder / "studies.db").write_text("this is no database, and it is longer than a header")
    return {"OVERNIGHT_STUDIES": f"sqlite:///{folder / 'studies.db'}"}


def studies_that_are_not_there(_folder: Path) -> dict[str, str]:
    return {"OVERNIGHT_STUDIES": "postgresql://night:hunter2@127.0.0.1:9/studies"}


def studies_of_no_kind(_folder: Path) -> dict[str, str]:
    return {"OVERNIGHT_STUDIES": "nosuch://night:hunter2@127.0.0.1:9/studies"}


def a_server_that_does_not_answer(_folder: Path) -> dict[str, str]:
    return {"MLFLOW_TRACKING_URI": "http://night:hunter2@127.0.0.1:9"}


def roles_that_are_no_toml(folder: Path) -> dict[str, str]:
    (folder / "roles").write_text("reviewer = ada")
    return {"OVERNIGHT_ROLES": str(folder / "roles")}


def notifiers_that_are_no_json(_folder: Path) -> dict[str, str]:
    return {"OVERNIGHT_NOTIFIERS": "ada@bank.example"}


def a_notifier_that_is_not_installed(_folder: Path) -> dict[str, str]:
    return {"OVERNIGHT_NOTIFIERS": json.dumps([{"class": "nosuch.package.Notifier"}])}


INSTALLATIONS = {
    a_lake_that_is_a_file: "OVERNIGHT_LAKE",
    studies_that_are_no_database: "OVERNIGHT_STUDIES",
    studies_that_are_not_there: "database of studies",
    studies_of_no_kind: "database of studies",
    a_server_that_does_not_answer: "MLflow does not answer",
    roles_that_are_no_toml: "is not TOML",
    notifiers_that_are_no_json: "OVERNIGHT_NOTIFIERS",
    a_notifier_that_is_not_installed: "nosuch.package.Notifier cannot be imported",
}


@pytest.mark.parametrize("change", INSTALLATIONS, ids=lambda change: change.__name__)
def test_what_an_installation_lacks_is_said(
    bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], dict[str, str]],
) -> None:  # fmt: skip
    for name, value in change(tmp_path).items():
        monkeypatch.setenv(name, value)
    lines, problems = bank()
    assert len(problems) == 1, problems
    assert INSTALLATIONS[change] in problems[0]
    assert "hunter2" not in "\n".join([*lines, *problems])


def test_a_spec_that_does_not_load_keeps_nothing_else_from_being_said(
    bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (roles_that_are_no_toml(tmp_path) | a_lake_that_is_a_file(tmp_path)).items():
        monkeypatch.setenv(name, value)
    _, problems = bank("[training]\nx = 1\n".replace("[training]", "[gates]"))
    assert [problem.partition(":")[0] for problem in problems][:2] == ["gates", "OVERNIGHT_LAKE"]
    assert len(problems) == 3


def test_nothing_is_made_by_looking(bank, tmp_path: Path) -> None:
    bank()
    assert {path.name for path in (tmp_path / "home").iterdir()} <= {"scratch"}


def test_a_database_that_is_there_is_in_order(
    bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(tmp_path / "studies.db") as made:
        made.execute("create table a (b integer)")
    made.close()
    monkeypatch.setenv("OVERNIGHT_STUDIES", f"sqlite:///{tmp_path / 'studies.db'}")
    assert bank()[1] == ()
