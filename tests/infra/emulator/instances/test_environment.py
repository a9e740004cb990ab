"""A container's environment: what its model sets within SageMaker's limits, and nothing of ours."""

import subprocess
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.emulator.instances.environment import build_environment
from tests.infra.embedded_server import EmbeddedServer, running_server

OWN = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "A_PASSWORD": "of mine", "OVERNIGHT_HOME": "/mine"}


@pytest.fixture
def model(server):  # noqa: ARG001
    """Make a model with some environment; gives what is refused, or None."""
    client = boto3.client("sagemaker", config=Config(parameter_validation=False))

    def make(name: str, environment: object) -> str | None:
        container = {"Image": "i", "ModelDataUrl": "s3://b/k", "Environment": environment}
        try:
            client.create_model(ModelName=name, PrimaryContainer=container)
        except ClientError as refused:
            error = refused.response["Error"]
            assert error["Code"] == "ValidationException"
            return error["Message"]
        return None

    yield make
    client.close()


@pytest.mark.parametrize(
    "name",
    [
        "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT",
        "PATH", "HOME", "BASH_ENV", "GLIBC_TUNABLES", "MALLOC_CONF", "AWS_ENDPOINT_URL",
        "OVERNIGHT_CAPTURE", "OVERNIGHT_HOME", "SM_MODEL_DIR", "pythonpath", "SAGEMAKER",
    ],
)  # fmt: skip
def test_a_name_that_acts_on_a_process_of_this_machine_is_refused(model, name: str) -> None:
    said = model("refused", {name: "x", "SAGEMAKER_REGION": "y"})
    assert said is not None
    assert f"PrimaryContainer.Environment sets {name}: " in said


def test_what_the_container_reads_may_be_set(model) -> None:
    told = {"OVERNIGHT_ENDPOINT": "demo", "OVERNIGHT_WORKERS": "2", "SAGEMAKER_REGION": "x"}
    assert model("told", told) is None
    assert model("nothing", {}) is None


def test_names_and_values_have_the_limits_of_sagemaker(model) -> None:
    at = "at 'primaryContainer.environment' failed to satisfy constraint"
    for name in ("1A", "A-B", "A B", "É", "A.B", ""):
        said = model("named", {name: "x"})
        assert said is not None, name
        assert f"Value '{name}' {at}: Map keys must satisfy constraint" in said, name
    said = model("long", {"A" * 1025: "x"})
    assert said is not None
    assert "Map keys must satisfy constraint: [Member must have length less than or" in said
    said = model("long", {"SAGEMAKER_A": "x" * 1025})
    assert said is not None
    assert f"{at}: Map values must satisfy constraint: [Member must have length less than" in said
    assert model("longest", {"SAGEMAKER_A": "x" * 1024}) is None
    said = model("many", {f"SAGEMAKER_{number}": "x" for number in range(101)})
    assert said is not None
    assert "Member must have length less than or equal to 100" in said
    said = model("typed", {"SAGEMAKER_A": 1})
    assert said is not None
    assert "Invalid type for parameter" in said


def test_a_process_finds_nothing_of_its_starter(
    tmp_path: Path, bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in OWN.items():
        monkeypatch.setenv(name, value)
    with running_server(tmp_path / "home") as server:
        from tests.infra.emulator.clients import Clients

        aws = Clients()
        aws.put_model("v1", bundles["v1"].folder, OVERNIGHT_ENDPOINT="demo")
        aws.create("demo", "v1")
        (container,) = server.containers()
        lines = Path(f"/proc/{container}/environ").read_bytes().rstrip(b"\0").split(b"\0")
        aws.close()
    found = dict(line.decode().split("=", 1) for line in lines)
    machine = {
        "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TMPDIR", "TZ",
    }  # fmt: skip
    told = {"OVERNIGHT_ENDPOINT", "OVERNIGHT_METRICS_SECONDS", "OVERNIGHT_WORKERS", "SM_MODEL_DIR"}
    assert found.keys() - machine == told
    assert found["OVERNIGHT_ENDPOINT"] == "demo"


def test_a_model_that_an_earlier_version_took_is_given_only_what_is_allowed() -> None:
    found = build_environment(
        {"PYTHONPATH": "/evil", "LD_PRELOAD": "/evil.so", "OVERNIGHT_WORKERS": "1"},
        {"PYTHONPATH": "/ours", "AWS_SECRET_ACCESS_KEY": "s", "PATH": "/bin"},
        folder="/model",
    )
    assert found == {
        "PYTHONPATH": "/ours", "PATH": "/bin", "OVERNIGHT_WORKERS": "1", "SM_MODEL_DIR": "/model"
    }  # fmt: skip


def test_a_second_server_on_one_home_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_server(home) as first:
        second = EmbeddedServer(home)
        ended = subprocess.run(second.command(), capture_output=True, timeout=60, check=False)
        assert ended.returncode == 2
        assert ended.stderr.decode() == (
            f"An embedded SageMaker (process {first.process.pid}) uses {home} already: stop it, or "
            "give this one a folder of its own (OVERNIGHT_HOME).\n"
        )
        assert first.is_healthy()
