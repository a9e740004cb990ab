"""The base image's pin, with a stand-in for the container engine, which is not ours."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SERVING = ROOT / "infra" / "serving"
DIGEST = f"sha256:{'ab' * 32}"


@pytest.fixture
def base(tmp_path):
    """A copy of the file that names the base, without a pin."""
    text = (SERVING / "base").read_text()
    copy = tmp_path / "base"
    copy.write_text(re.sub(r"(?m)^DIGEST=.*$", "DIGEST=", text))
    return copy


@pytest.fixture
def run(tmp_path):
    """Runs a script where `engine` is all there is beside the usual programs."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "dirname", "sed", "mv", "sha256sum"):
        (programs / name).symlink_to(shutil.which(name))

    def call(script, *arguments, **engines):
        for name, body in engines.items():
            (programs / name).write_text(f"#!/bin/bash\n{body}\n")
            (programs / name).chmod(0o755)
        done = subprocess.run(
            [SERVING / script, *arguments],
            env={"PATH": str(programs)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return call


def pinned(base):
    return re.search(r"(?m)^DIGEST=(.*)$", base.read_text())[1]


@pytest.mark.parametrize("held", ["", "sha256:", "latest", DIGEST[:-1], f"{DIGEST}0"])
def test_nothing_is_built_while_the_base_has_no_whole_digest(run, base, held):
    base.write_text(base.read_text().replace("DIGEST=", f"DIGEST={held}"))
    status, said = run("build.sh", "overnight-serving", base, docker="echo BUILDING")
    assert status == 2
    assert "BUILDING" not in said
    assert "to no digest" in said
    assert 'Run "make pin"' in said


def test_a_build_names_the_base_by_its_digest(run, base):
    base.write_text(base.read_text().replace("DIGEST=", f"DIGEST={DIGEST}"))
    status, said = run("build.sh", "overnight-serving", base, docker='printf "%s\\n" "$@"')
    name = re.search(r"(?m)^NAME=(.*)$", base.read_text())[1]
    assert status == 0
    assert said.splitlines() == [
        "build",
        "--file",
        "infra/serving/Dockerfile",
        "--build-arg",
        f"BASE={name}@{DIGEST}",
        "--tag",
        "overnight-serving",
        ".",
    ]


def test_the_dockerfile_by_itself_has_no_base():
    text = (SERVING / "Dockerfile").read_text()
    assert re.findall(r"(?m)^FROM (\S+)", text) == ["${BASE}", "base", "base"]
    assert re.findall(r"(?m)^ARG (.+)$", text) == ["BASE"]


def test_a_pin_is_what_the_registry_says(run, base):
    status, _ = run("pin.sh", base, docker=f"echo {DIGEST}")
    assert (status, pinned(base)) == (0, DIGEST)
    assert base.read_text().count("\n") == 3
    # A second time, with another answer.
    other = DIGEST.replace("ab", "cd")
    assert run("pin.sh", base, docker=f"echo {other}")[0] == 0
    assert pinned(base) == other


def test_skopeos_pin_is_the_hash_of_the_raw_list(run, base):
    # The hash of the three letters abc, as FIPS 180-2 prints it.
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    status, _ = run("pin.sh", base, skopeo="printf abc")
    assert (status, pinned(base)) == (0, f"sha256:{known}")


@pytest.mark.parametrize(
    ("engines", "said"),
    [
        ({}, "Install docker or skopeo"),
        ({"docker": "echo no route to host >&2; exit 1"}, "gave no digest"),
        ({"docker": "echo"}, "is no digest: ''"),
        ({"docker": "echo sha256:short"}, "is no digest: 'sha256:short'"),
        ({"skopeo": "exit 1"}, "gave no digest"),
    ],
)
def test_without_an_answer_of_the_registry_the_pin_stays_as_it_was(run, base, engines, said):
    before = base.read_text()
    status, told = run("pin.sh", base, **engines)
    assert status == 1
    assert said in told
    assert base.read_text() == before
    assert {path.name for path in base.parent.iterdir()} == {base.name, "programs"}
