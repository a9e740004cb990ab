"""The commands of README.md, as a newcomer would type them."""

import re
import subprocess
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.e2e.conftest import Installation
from tests.e2e.readme import README, commands
from tests.infra.embedded_server import EmbeddedServer

CHECKOUT = README.parent
AS_OF = "2025-04-01"


def test_make_knows_the_targets_that_are_named() -> None:
    names = set(re.findall(r"`?\bmake ([a-z]+)", README.read_text(encoding="utf-8")))
    assert {"demo", "test", "up"} <= names
    for name in names:
        asked = subprocess.run(
            ["make", "-n", name], cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
        assert asked.returncode == 0, asked.stderr


def test_every_link_leads_somewhere() -> None:
    for page in [README, *CHECKOUT.glob("*/README.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
    for folder in ("dags", "pipelines", "feature_jobs", "training", "expectations", "infra"):
        assert (CHECKOUT / folder / "README.md").is_file()


@pytest.fixture
def bank(make_installation, tmp_path: Path):
    """An installation with a running endpoint server and `bank.parquet` in the working folder."""
    installation = make_installation("bank")
    installation.overnight("simulate", "--days", "92", "--customers", "200", "--seed", "11")
    rows = pq.read_table(installation.home / "demo/transactions.parquet")
    frauds = pq.read_table(installation.home / "demo/reports.parquet", columns=["tx_id"])
    label = pc.is_in(rows["tx_id"], value_set=frauds["tx_id"].combine_chunks())
    rows = rows.drop_columns(["arrived_at"]).append_column("is_fraud", label.cast("int8"))
    pq.write_table(rows, tmp_path / "bank.parquet")
    server = EmbeddedServer(tmp_path / "sagemaker")
    server.start()
    installation = Installation(installation.home, **server.environment)
    yield installation
    server.close()


def test_bring_your_own_data_works_as_written(bank: Installation, tmp_path: Path) -> None:
    said = {}
    for words in commands("Bring your own data"):
        assert words[0] == "overnight"
        ran = bank.call(*words[1:], cwd=tmp_path)
        assert ran.returncode == 0, f"{words}\n{ran.stdout}\n{ran.stderr}"
        said[words[1]] = ran.stdout
    assert list(said) == [
        "new", "doctor", "run", "review", "approve", "plan", "deploy", "score",
    ]  # fmt: skip
    assert "models:/bank/1" in said["run"]
    assert "test_average_precision" in said["review"]
    assert "would be created" in said["plan"]
    assert re.fullmatch(r"endpoints:/bank/bank-\w{12}\n", said["deploy"])
    assert len(re.findall(r" (pass|alert) ", said["score"])) == 5
