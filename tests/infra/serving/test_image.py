"""What the image is built from, without a container engine: scripts, locks, entrypoint."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.infra.embedded_server import wait_for
from tests.infra.serving.container import Container

ROOT = Path(__file__).parents[3]
SCRIPTS = ROOT / "infra" / "serving" / "image"
DOCKERFILE = (ROOT / "infra" / "serving" / "Dockerfile").read_text()


def locked(name):
    """Requirements of a lock, without their hashes."""
    lines = (ROOT / name).read_text().splitlines()
    return [Requirement(line.removesuffix("\\")) for line in lines if re.match(r"\w", line)]


def build(lock, venv):
    subprocess.run(
        [SCRIPTS / "environment.sh", ROOT / lock, venv],
        check=True,
        env=os.environ | {"PYTHON": sys.executable},
    )
    return venv


@pytest.fixture(scope="module")
def lean(tmp_path_factory):
    """The container's environment, from its lock."""
    return build("requirements-serving.lock", tmp_path_factory.mktemp("lean") / "venv")


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """What the Dockerfile copies of the code, and nothing else of the house."""
    home = tmp_path_factory.mktemp("code")
    shutil.copytree(
        ROOT / "infra" / "serving",
        home / "infra" / "serving",
        ignore=lambda _, names: [n for n in names if not n.endswith(".py")],
    )
    shutil.copy(ROOT / "infra" / "__init__.py", home / "infra")
    return home


def start(lean, code, folder):
    return Container(
        folder,
        python=lean / "bin" / "python",
        cwd=code,
        PYTHONPATH=str(code),
        PYTHONDONTWRITEBYTECODE="1",
        OVERNIGHT_WORKERS="2",
    )


def test_the_locks_versions_are_those_that_training_and_the_tests_use():
    house = {(each.name, str(each.specifier)) for each in locked("requirements.lock")}
    serving = {(each.name, str(each.specifier)) for each in locked("requirements-serving.lock")}
    assert {"httptools", "lightgbm", "msgspec", "uvloop"} <= dict(serving).keys()
    assert serving <= house


def test_the_lean_environment_serves_golden_vectors_and_ends_in_order(
    lean, code, bundles, tmp_path, record_property
):
    folder = shutil.copytree(bundles["v1"].folder, tmp_path / "model")
    for path in (folder, *folder.iterdir()):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = sorted(code.rglob("*"))
    began = time.monotonic()
    container = start(lean, code, folder)
    try:
        assert container.ask("GET", "/ping")[0] == 200
        record_property("cold_start_seconds", round(time.monotonic() - began, 2))
        golden = json.loads((folder / "bundle.json").read_text())["golden"]
        status, answer = container.invoke(
            [vector["features"] for vector in golden],
            unknown_categories="missing",
            reasons="all",
        )
        assert status == 200
        for found, vector in zip(answer["predictions"], golden, strict=True):
            assert (found["score"], found["probability"]) == (
                vector["score"],
                vector["probability"],
            )
            assert found["reasons"]
        assert wait_for(lambda: len(container.workers) == 2)
        container.process.terminate()
        assert container.process.wait(timeout=30) == 0
    finally:
        container.close()
        folder.chmod(0o755)
    assert sorted(code.rglob("*")) == before


def test_the_container_says_what_is_wrong_with_a_folder_that_holds_no_model(lean, code, tmp_path):
    container = start(lean, code, tmp_path)
    assert container.process.wait(timeout=30) == 1
    assert "is no bundle" in container.process.stderr.read().decode()
    container.close()


def test_the_health_check_follows_ping(lean, code, bundles):
    container = start(lean, code, bundles["v1"].folder)

    def check(port):
        return subprocess.run(
            [lean / "bin" / "python", "-m", "infra.serving.health"],
            cwd=code,
            env={"SAGEMAKER_BIND_TO_PORT": str(port)},
            check=False,
        ).returncode

    try:
        assert container.ask("GET", "/ping")[0] == 200
        assert check(container.port) == 0
    finally:
        container.close()
    assert check(container.port) == 1


def test_the_bill_of_materials_lists_every_locked_package(lean, tmp_path):
    tools = build("requirements-image.lock", tmp_path / "tools")
    subprocess.run([SCRIPTS / "sbom.sh", tools, lean, tmp_path / "sbom.json"], check=True)
    bill = json.loads((tmp_path / "sbom.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    found = {(each["name"].lower(), each["version"]) for each in bill["components"]}
    expected = {
        (each.name, next(iter(each.specifier)).version)
        for each in locked("requirements-serving.lock")
        if each.marker is None or each.marker.evaluate()
    }
    assert found == expected


def test_the_dockerfile_copies_what_exists_and_runs_the_scripts_that_are_tested_here():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
    sources = [source for line in copied for source in line.split()]
    assert sources
    assert all(list(ROOT.glob(source.rstrip("/"))) for source in sources)
    run = re.findall(r"image/(\w+\.sh)", DOCKERFILE)
    assert set(run) == {path.name for path in SCRIPTS.glob("*.sh")}
    user, entrypoint = re.search(r"^USER (\d+)", DOCKERFILE, re.M), "infra.serving"
    assert int(user[1]) > 0
    assert f'ENTRYPOINT ["python", "-m", "{entrypoint}"]' in DOCKERFILE
