"""A bank's own file: the tutorial as it is written, and what a bank asks beyond it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests.docs.blocks import DATA, DOCS, commands, declarations, merged
from tests.docs.runner import Ran, run_page
from tests.e2e.conftest import OVERNIGHT, Installation
from tests.infra.embedded_server import EmbeddedServer

AS_OF = "2025-04-01"
LATER = "2025-04-02"
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
HASHES = """
from pipelines.lake.tables import Lake
from pipelines.config.references import TableVersion
from pipelines.config.installation.settings import load_settings
lake = Lake(load_settings().lake, spec="bank")
for name in ("transactions", "labels", "features", "training_sets", "scores"):
    print(name, lake.content_hash(TableVersion(name, 1)))
"""


# The tutorial is two nights and three deployments, all in one fixture.
pytestmark = pytest.mark.timeout(1800)


class Bank(Installation):
    """With a running endpoint server, and a working folder where the tutorial was followed."""

    folder: Path
    tutorial: Ran

    def run(self, *words: str) -> str:
        ran = self.call(*words, cwd=self.folder)
        assert ran.returncode == 0, f"{words}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    def follow(self, words: list[str]) -> str:
        """What a command of the tutorial prints."""
        program, *arguments = words
        if program == "python":
            command: list[str | Path] = [sys.executable, *arguments]
        else:
            assert program == "overnight"
            command = [OVERNIGHT, *arguments]
        ran = subprocess.run(
            command, env=self.environment, cwd=self.folder,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, f"{words}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    folder = tmp_path_factory.mktemp("bank")
    server = EmbeddedServer(folder / "sagemaker")
    server.start()
    bank = Bank(folder / "home", **server.environment)
    bank.folder = folder
    try:
        bank.tutorial = run_page(DOCS / "tutorial.md", folder, "bank.toml", bank.follow)
        yield bank
    finally:
        server.close()


def test_the_tutorial_works_as_written(bank: Bank) -> None:
    ran = bank.tutorial
    first, second = ran.of("overnight plan")
    assert "would be created" in first
    assert " -> " in second
    (scored,) = ran.of("overnight score")
    assert len(re.findall(r" (pass|alert) ", scored)) == 5
    deployed, updated = ran.of("overnight deploy")
    (back,) = ran.of("overnight rollback")
    assert "endpoints:/bank/1" in deployed
    assert "endpoints:/bank/2" in updated
    assert "endpoints:/bank/1" in back
    (compared,) = ran.of("overnight compare")
    assert "test_average_precision" in compared
    (listed,) = ran.of("overnight decisions")
    assert "to see the way back" in listed


def test_the_commands_for_data_of_ones_own_are_those_of_the_tutorial() -> None:
    followed = commands(DOCS / "tutorial.md")
    listed = commands(DATA)
    assert [words[1] for words in listed] == [
        "new", "doctor", "run", "review", "approve", "plan", "deploy", "score",
    ]  # fmt: skip
    reasons = {"beats the rules on the test week", "better than the logistic regression"}
    for words in listed:
        same = [w for w in followed if w[1] == words[1]]
        assert any({*words} ^ {*w} <= reasons for w in same), words


def test_each_declaration_of_the_guide_fits_what_the_first_step_wrote(
    bank: Bank, tmp_path: Path
) -> None:
    spec = tmp_path / "bank.toml"
    said = bank.call("new", "bank", "--from", str(bank.folder / "bank.csv"), cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    guide = ("data", "features", "training", "review", "deployment")
    written = [block for page in guide for block in declarations(DOCS / f"guide/{page}.md")]
    assert len(written) >= 8
    for block in written:
        spec.write_text(merged(spec.read_text(), block))
        listed = bank.call("features", str(spec), cwd=tmp_path)
        assert listed.returncode == 0, f"{block}\n{listed.stderr}"
    assert "amount_over_max" in listed.stdout
    assert "customer_amount_std_28d" in listed.stdout
    examined = bank.call("doctor", str(spec), cwd=tmp_path)
    assert examined.returncode == 0, examined.stderr


def test_a_rollback_puts_endpoint_and_aliases_back_together(bank: Bank) -> None:
    first = bank.run("deploy", "bank.toml")
    # On a bank of 500 customers chance alone costs a model more than the gate usually tolerates.
    changed = "bank.toml?training.seed=5&training.trials=1&gate.margin=0.99"
    # Of the tutorial's second night, with its training set.
    night = bank.run("run", changed, "--as-of", LATER, "--register")
    assert "training_sets@v2" in night
    assert "models:/bank/3" in night
    bank.run("approve", "bank.toml", "3", "--because", "to be taken back")
    assert " -> " in bank.run("plan", "bank.toml")
    second = bank.run("deploy", "bank.toml")
    assert first != second
    assert bank.run("rollback", "bank.toml") == first
    status = {line.split()[0]: line for line in bank.run("status", "bank.toml").splitlines()}
    assert "models:/bank/1" in status["approved"]
    assert "models:/bank/1" in status["champion"]
    assert first.strip().rpartition("/")[2] in status["endpoint"]
    # What a reviewer approved and an operator took back is not deployed by the next night.
    assert bank.run("deploy", "bank.toml") == first
    assert "no change" in bank.run("plan", "bank.toml")
    assert "training_sets@v1" in bank.run("review", "bank.toml", "1")
    assert "Every file is what was written." in bank.run("check-lake", "bank.toml")
    again = bank.call("rollback", "bank.toml", cwd=bank.folder)
    assert again.returncode == 2
    assert "no champion before this one" in again.stderr


NIGHT = """
import sys
from pipelines.local.airflow_runs import prepare_airflow, test_dag
from pipelines.config.installation.settings import load_settings
settings = load_settings()
prepare_airflow(settings)
for line in test_dag("shared_nightly", {"as_of": sys.argv[1]}, settings=settings):
    print(line)
"""


def test_airflows_mapped_tasks_search_one_study_together(bank: Bank) -> None:
    specs = bank.folder / "specs"
    specs.mkdir()
    declared = (bank.folder / "bank.toml").read_text(encoding="utf-8")
    shared = declared.replace("trials = 4", "trials = 4\ntrials_workers = 2")
    (specs / "shared.toml").write_text(f'name = "shared"\n{shared}', encoding="utf-8")
    said = subprocess.run(
        [sys.executable, "-c", NIGHT, AS_OF],
        env={**bank.environment, "OVERNIGHT_SPECS": str(specs)},
        cwd=bank.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    # Each of the two says what the study holds; one model comes of it.
    studies = re.findall(r"Tuned (\S+): (\d+) trials", said.stdout)
    assert len(studies) == 2
    assert len({name for name, _ in studies}) == 1
    assert {count for _, count in studies} == {"4"}
    assert len(re.findall(r"Registered models:/shared/1", said.stdout)) == 1


def test_a_night_in_s3_gives_the_tables_and_the_model_of_one_in_a_folder(bank: Bank) -> None:
    client = boto3.client("s3", endpoint_url=bank.environment["AWS_ENDPOINT_URL"], **KEYS)
    client.create_bucket(Bucket="lake")
    client.upload_file(str(bank.folder / "bank.csv"), "lake", "in/bank.csv")
    inside = bank.folder / "inside"
    inside.mkdir()
    # As it was on the first night.
    declared = bank.tutorial.specs[0]
    file = str(bank.folder / "bank.csv")
    assert file in declared
    (inside / "bank.toml").write_text(declared.replace(file, "s3://lake/in/bank.csv"))
    there = {
        **bank.environment,
        "OVERNIGHT_HOME": str(inside / "home"),
        "OVERNIGHT_LAKE": "s3://lake/tables",
    }
    command = [OVERNIGHT, "run", "bank.toml", "--as-of", AS_OF]
    ran = subprocess.run(
        command, env=there, cwd=inside, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "models:/bank/1" in ran.stdout
    hashes, scored = {}, [OVERNIGHT, "score-batch", "bank.toml", "--day", "2025-03-30", "--version"]
    for name, environment in (("folder", bank.environment), ("s3", there)):
        subprocess.run([*scored, "1"], env=environment, cwd=inside, check=True)
        asked = [sys.executable, "-c", HASHES]
        said = subprocess.run(
            asked, env=environment, cwd=inside, capture_output=True, text=True, check=True
        )
        hashes[name] = said.stdout.splitlines()
    assert hashes["s3"] == hashes["folder"]
    assert len(hashes["s3"]) == 5
