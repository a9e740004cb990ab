"""What the image is built from, without building it: scripts, locks, entrypoint, bill of materials.

The image itself is looked at by `tests/image`.
"""

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

from infra.serving.image.bill import build_bill
from tests.infra.embedded_server import wait_for
from tests.infra.serving.container import Container

ROOT = Path(__file__).parents[4]
SCRIPTS = ROOT / "infra" / "serving" / "image"
SERVING = "infra/serving/image/requirements.lock"
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
    return build(SERVING, tmp_path_factory.mktemp("lean") / "venv")


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """What the Dockerfile copies of the code, and nothing else of the project."""
    home = tmp_path_factory.mktemp("code")
    shutil.copytree(
        ROOT / "infra" / "serving",
        home / "infra" / "serving",
        ignore=lambda at, names: [
            n
            for n in names
            if not n.endswith(".py")
            and not (Path(at, n).is_dir() and n[0] not in "_." and n != "image")
        ],
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
    rig = {(each.name, str(each.specifier)) for each in locked("requirements.lock")}
    serving = {(each.name, str(each.specifier)) for each in locked(SERVING)}
    assert {"httptools", "lightgbm", "msgspec", "uvloop"} <= dict(serving).keys()
    assert serving <= rig


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
            [lean / "bin" / "python", "-m", "infra.serving.http.health"],
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


@pytest.fixture
def tree(tmp_path):
    """A tree with dpkg's record of two packages, one of them removed, and their copyrights."""
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(
        "Package: libgomp1\nStatus: install ok installed\nArchitecture: amd64\n"
        "Source: gcc-12 (12.2.0-14)\nVersion: 1:12.2.0-14+deb12u1\nDescription: OpenMP\n more\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n"
    )
    terms = tmp_path / "usr/share/doc/libgomp1/copyright"
    terms.parent.mkdir(parents=True)
    terms.write_text(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
        "Files: *\nLicense: GPL-3+\n text\n\nFiles: a\nLicense: GFDL-1.2\n\n"
        "License: GPL-3+\n long\n"
    )
    return tmp_path


def test_the_bill_lists_every_locked_package_and_every_installed_one_of_debian(lean, tree):
    site = next(lean.glob("lib/python3.*/site-packages"))
    bill = build_bill(tree, [site])
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    found = {each["purl"]: each for each in bill["components"]}
    locked_versions = {
        f"pkg:pypi/{each.name}@{next(iter(each.specifier)).version}" for each in locked(SERVING)
    }
    debian = "pkg:deb/debian/libgomp1@1%3A12.2.0-14%2Bdeb12u1?arch=amd64"
    assert found.keys() == locked_versions | {debian}
    assert found[debian]["licenses"] == [
        {"license": {"name": "GFDL-1.2"}},
        {"license": {"name": "GPL-3+"}},
    ]
    assert all(each["licenses"] for each in found.values())


def test_what_python_packages_say_of_their_licence_is_listed_as_they_say_it(tree):
    said = {
        "a": "License-Expression: MIT",
        "b": "Classifier: License :: OSI Approved :: MIT License\nLicense: whatever",
        "c": "License: BSD",
        "d": "License: a text\n        of lines",
        "e": "Classifier: Programming Language :: C",
    }
    for name, lines in said.items():
        folder = tree / f"{name}-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {name}\nVersion: 1\n{lines}\n"
        )
    (tree / "usr/share/doc/libgomp1/copyright").write_text("Anybody may use it.\n")
    components = build_bill(tree, [tree])["components"]
    assert {each["name"]: each.get("licenses") for each in components} == {
        "libgomp1": None,
        "a": [{"expression": "MIT"}],
        "b": [{"license": {"name": "License :: OSI Approved :: MIT License"}}],
        "c": [{"license": {"name": "BSD"}}],
        "d": None,
        "e": None,
    }


def test_an_environment_from_wheels_alone_is_the_same_and_asks_no_index(lean, tmp_path):
    context = tmp_path / "context"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    subprocess.run(
        [SCRIPTS / "context.sh", context, version],
        check=True,
        env=os.environ | {"PYTHON": sys.executable},
    )
    wheels = sorted(path.name.split("-")[0] for path in (context / "wheels").iterdir())
    assert wheels == ["httptools", "lightgbm", "msgspec", "pip", "uvloop"]
    unreachable = {f"PIP_{name}": "file:///nowhere" for name in ("INDEX_URL", "EXTRA_INDEX_URL")}
    lock = context / SERVING
    subprocess.run(
        [
            context / "infra/serving/image/environment.sh",
            lock,
            tmp_path / "venv",
            context / "wheels",
        ],
        check=True,
        env=os.environ | unreachable | {"PYTHON": sys.executable, "PIP_FIND_LINKS": ""},
    )

    def hashes(venv):
        return {
            path.relative_to(venv): path.read_bytes()
            for path in venv.glob("lib/*/site-packages/*/**/*")
            if path.suffix in {".py", ".so"}
        }

    assert hashes(tmp_path / "venv") == hashes(lean)
    # Whatever else stands in the working copy stays out of the build.
    top = {path.name for path in context.iterdir()}
    assert top == {"infra", "wheels"}


def test_the_container_needs_neither_numpy_nor_lightgbms_own_package(lean):
    installed = {path.name for path in lean.glob("lib/python3.*/site-packages/*/")}
    assert not installed & {"numpy", "scipy", "pandas", "sklearn", "pip", "setuptools"}


def test_the_dockerfile_has_no_default_base_and_runs_the_scripts_that_are_tested_here():
    assert re.findall(r"(?m)^FROM (\S+)", DOCKERFILE) == ["${BASE}", "base", "base"]
    assert re.findall(r"(?m)^ARG (.+)$", DOCKERFILE) == ["BASE"]
    assert re.findall(r"image/(\w+\.sh)", DOCKERFILE) == ["build.sh", "environment.sh"]
    user = re.search(r"^USER (\d+)", DOCKERFILE, re.M)
    assert int(user[1]) > 0
    assert 'ENTRYPOINT ["python", "-m", "infra.serving"]' in DOCKERFILE
