"""What the locks of this project promise, and that a lock which breaks it is refused."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from expectations.contract import InputError
from infra.supply.lock import find_locks, read_lock

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HASH = f"--hash=sha256:{'a' * 64}"


# Each lock beside what it installs, and the group of pyproject.toml that it is made from.
GROUPS = {
    "requirements.lock": "dev",
    "infra/aws/requirements.lock": "infra",
    "infra/packaging/requirements.lock": "spark",
    "infra/serving/image/build-requirements.lock": "image",
    "infra/serving/image/requirements.lock": "serving",
    "infra/supply/requirements.lock": "audit",
}


def declared():
    """Lock to the requirements that pyproject.toml declares for it."""
    for name, group in GROUPS.items():
        platform = PROJECT["project"]["dependencies"] if group == "dev" else []
        yield name, [*platform, *PROJECT["dependency-groups"][group]]


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", find_locks(ROOT), ids=name_of)
def test_every_line_of_a_lock_is_a_pinned_package_with_hashes_and_no_index_is_named(path):
    assert read_lock(path)
    assert "://" not in path.read_text()


@pytest.mark.parametrize(("name", "listed"), list(declared()), ids=lambda value: str(value)[:30])
def test_everything_that_is_declared_is_locked_in_a_version_that_was_declared(name, listed):
    found = {package.name: package.version for package in read_lock(ROOT / name) if package.applies}
    for line in listed:
        wanted = Requirement(line)
        assert wanted.specifier.contains(found[canonicalize_name(wanted.name)]), line


def test_every_lock_is_declared_and_made_by_make_lock():
    made = (ROOT / "Makefile").read_text()
    assert [*map(name_of, find_locks(ROOT))] == [*GROUPS]
    assert {*GROUPS.values()} == {*PROJECT["dependency-groups"]}
    assert all(f"--output-file {name}\n" in made for name in GROUPS)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("left-pad==1.3.0", "left-pad has no hash"),
        (f"left-pad>=1.3.0 {HASH}", "left-pad is not pinned by =="),
        (f"left-pad {HASH}", "left-pad is not pinned by =="),
        ("--find-links elsewhere", "--find-links is an option"),
        ("--pre", "a lock names no index"),
        ("-i elsewhere", "-i is an option"),
        ("-r other.txt", "-r is an option"),
        (f"left-pad @ https://packages.example/left-pad.whl {HASH}", "an address of its own"),
        (f"left-pad==1.3,==1.4 {HASH}", "left-pad is not pinned by =="),
        (f"left-pad===1.3 {HASH}", "left-pad is not pinned by =="),
        ("./left-pad.whl", "'./left-pad.whl' cannot be read"),
        ("-e .", "-e . comes from an address of its own"),
        ("git+https://packages.example/left-pad", "comes from an address of its own"),
        ("left-pad==1.3.0 --hash=md5:abc", "the hash md5:abc, which is no SHA-256"),
        (f"left-pad==1.3.0 {HASH} --no-verify=1", "no such option: --no-verify"),
        (f"left-pad==1.3.0 {HASH} --global-option=x", "left-pad has the option x"),
    ],
)
def test_a_line_that_lets_something_else_in_is_refused(tmp_path, line, said):
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"right-pad==2.0 \\\n    {HASH}\n{line}\n")
    with pytest.raises(InputError, match=r"requirements\.lock .* line 3: ") as caught:
        read_lock(lock)
    assert said in str(caught.value)


def test_every_fault_of_a_lock_is_told_at_once(tmp_path):
    lock = tmp_path / "requirements.lock"
    lock.write_text("one==1\ntwo==2\n")
    with pytest.raises(InputError, match="line 1: one has no hash; line 2: two has no hash"):
        read_lock(lock)
