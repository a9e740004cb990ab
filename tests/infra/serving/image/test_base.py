"""The base's pins: Debian's packages, and another base by its digest; its engine is a stand-in."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.serving.image.debian_lock import LockError, compare, main, read_lock

ROOT = Path(__file__).parents[4]
SCRIPTS = ROOT / "infra" / "serving" / "image"
DIGEST = f"sha256:{'ab' * 32}"
LOCK = "suite=bookworm\narchitecture=amd64\nepoch=1700000000\nbash 5.2.15-2+b13\nlibc6 2.36-9\n"


@pytest.fixture
def run(tmp_path):
    """Runs a script where stand-ins are all there is beside the usual programs."""
    programs = tmp_path / "programs"
    programs.mkdir()
    usual = ("bash", "cp", "dirname", "id", "mkdir", "mktemp", "rm", "sed", "sha256sum")
    for name in usual:
        (programs / name).symlink_to(shutil.which(name))

    def call(script, *arguments, environment=(), **standins):
        for name, body in standins.items():
            (programs / name).unlink(missing_ok=True)
            (programs / name).write_text(f"#!/bin/bash\n{body}\n")
            (programs / name).chmod(0o755)
        done = subprocess.run(
            [SCRIPTS / script, *arguments],
            env={"PATH": str(programs), **dict(environment)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return call


@pytest.mark.parametrize(
    "base",
    ["python", "python:3.12", "python@sha256:", f"python@{DIGEST}0", f"@{DIGEST}", f"a b@{DIGEST}"],
)
def test_nothing_is_built_on_a_base_without_a_whole_digest(run, base):
    status, said, told = run(
        "build.sh", "overnight-serving", environment={"BASE": base}, docker="echo BUILDING"
    )
    assert (status, said) == (2, "")
    assert "which names no digest" in told
    assert "make pin BASE=NAME:TAG" in told


@pytest.mark.parametrize("tag", ["", "Upper", "a/b", "../a", "a:b:c", "a b", "-a"])
def test_a_name_that_is_none_of_an_image_is_refused(run, tag):
    status, _, told = run("build.sh", tag, docker="echo BUILDING")
    assert status == 2
    assert "is no name of an image" in told


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_a_build_names_another_base_by_its_digest_and_is_given_what_it_needs_alone(run, engine):
    status, said, _ = run(
        "build.sh",
        "overnight-serving",
        environment={"BASE": f"python:3.12@{DIGEST}", "ENGINE": engine, "PYTHON": "python"},
        python='echo "$@" >&2',
        **{engine: 'printf "%s\\n" "$@"; cd "${@: -1}"; shopt -s globstar; printf "%s\\n" **'},
    )
    assert status == 0
    lines = said.splitlines()
    command, context = lines[:8], set(lines[8:])
    folder = command[-1]
    assert command == [
        "build", "--file", f"{folder}/infra/serving/Dockerfile", "--build-arg",
        f"BASE=python:3.12@{DIGEST}", "--tag", "overnight-serving", folder,
    ]  # fmt: skip
    assert {"infra/serving/Dockerfile", "infra/serving/http/supervisor.py", "wheels"} <= context
    assert not [path for path in context if path.startswith((".", "tests", "var", "pipelines"))]
    assert not Path(folder).exists()


def test_who_is_not_root_is_told_how_to_build(run):
    status, _, told = run("build.sh", "overnight-serving", id="echo 1000")
    assert status == 1
    assert "need root here" in told
    assert "BASE=NAME@sha256:DIGEST" in told
    status, _, told = run("pin.sh", id="echo 1000")
    assert status == 1
    assert "needs root here" in told


def test_a_pin_of_another_base_is_what_the_registry_says(run):
    asked = {"BASE": "python:3.12"}
    said = run("pin.sh", environment=asked, docker=f"echo {DIGEST}")[:2]
    assert said == (0, f"BASE=python:3.12@{DIGEST}\n")


def test_skopeos_pin_is_the_hash_of_the_raw_list(run):
    # The hash of the three letters abc, as FIPS 180-2 prints it.
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert run("digest.sh", "python", skopeo="printf abc")[:2] == (
        0,
        f"BASE=python@sha256:{known}\n",
    )


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
def test_without_an_answer_of_the_registry_there_is_no_pin(run, engines, said):
    status, printed, told = run("digest.sh", "python", **engines)
    assert (status, printed) == (1, "")
    assert said in told


def test_the_committed_lock_pins_python_and_what_lightgbm_needs():
    lock = read_lock(SCRIPTS / "debian.lock")
    assert (lock.suite, lock.architecture) == ("bookworm", "amd64")
    assert {"python3", "libgomp1", "libstdc++6", "libc6"} <= lock.versions.keys()
    assert not lock.versions.keys() & {"apt", "gcc", "python3-pip", "perl", "curl"}


@pytest.mark.parametrize(
    ("found", "newer", "refused"),
    [
        ("1.0-1", [], []),
        ("1.0-1+deb12u1", ["a 1.0-1 -> 1.0-1+deb12u1"], []),
        # By Debian's rules 1.10 is later than 1.9, and a tilde comes before everything.
        ("1.10-1", ["a 1.0-1 -> 1.10-1"], []),
        ("1:0.1", ["a 1.0-1 -> 1:0.1"], []),
        ("1.0-1~rc1", [], ["a 1.0-1~rc1 is older than the pinned 1.0-1"]),
        ("0.9-9", [], ["a 0.9-9 is older than the pinned 1.0-1"]),
    ],
)
def test_a_newer_package_is_named_and_an_older_one_refused(found, newer, refused):
    difference = compare({"a": "1.0-1"}, {"a": found})
    assert (difference.newer, difference.refused) == (newer, refused)


def test_a_package_that_came_or_went_is_refused():
    assert compare({"a": "1", "b": "1"}, {"b": "1", "c": "2"}).refused == [
        "a 1 is pinned and not in the base",
        "c 2 is in the base and not pinned",
    ]


@pytest.mark.parametrize(
    ("bash", "options", "ends"),
    [
        ("5.2.15-2+b13", [], (0, "")),
        ("5.2.15-2+b13", ["--strict"], (0, "")),
        ("5.2.15-3", [], (0, "Newer than pinned: bash 5.2.15-2+b13 -> 5.2.15-3")),
        ("5.2.15-3", ["--strict"], (2, 'run "make pin"')),
        ("5.2.14-1", [], (2, "Refused: bash 5.2.14-1 is older than the pinned 5.2.15-2+b13")),
    ],
)
def test_a_build_goes_on_with_newer_packages_unless_it_is_strict(
    tmp_path, capsys, bash, options, ends
):
    status, said = ends
    lock, held = tmp_path / "debian.lock", tmp_path / "status"
    lock.write_text(LOCK)
    held.write_text(stanza("bash", bash) + stanza("libc6", "2.36-9"))
    assert main([str(lock), str(held), *options]) == status
    told = capsys.readouterr().err
    assert said in told
    assert bool(told) == bool(said)
    assert lock.read_text() == LOCK


def test_a_pin_is_rewritten_when_a_version_changed_and_left_as_it_is_otherwise(tmp_path, capsys):
    lock, held = tmp_path / "debian.lock", tmp_path / "status"
    lock.write_text(LOCK)
    held.write_text(stanza("bash", "5.2.15-2+b13") + stanza("libc6", "2.36-9"))
    assert main([str(lock), str(held), "--write", "1800000000"]) == 0
    assert lock.read_text() == LOCK
    held.write_text(stanza("bash", "5.2.15-3") + stanza("libc6", "2.36-9"))
    assert main([str(lock), str(held), "--write", "1800000000"]) == 0
    written = read_lock(lock)
    assert written.versions == {"bash": "5.2.15-3", "libc6": "2.36-9"}
    assert (written.suite, written.epoch) == ("bookworm", 1_800_000_000)
    assert "commit it" in capsys.readouterr().err
    assert main([str(lock), str(held)]) == 0


def test_every_fault_of_a_lock_is_told_at_once(tmp_path):
    lock = tmp_path / "debian.lock"
    lock.write_text("suite=bookworm\nepoch=soon\nbash\nlibc6 $(id)\n")
    with pytest.raises(LockError) as caught:
        read_lock(lock)
    said = str(caught.value)
    assert all(
        each in said
        for each in (
            "line 3: 'bash'",
            "line 4: 'libc6 $(id)'",
            "no line architecture=",
            "epoch=soon",
        )
    )
    assert re.search(r'Run "make pin"', said)


def stanza(name, version):
    """What dpkg's record says of an installed package."""
    state = "Status: install ok installed\nArchitecture: amd64"
    return f"Package: {name}\n{state}\nVersion: {version}\n\n"
