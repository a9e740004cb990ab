"""What the built image holds, and what it does not."""

import csv
import gzip
import re
import subprocess
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from infra.serving.image.dpkg import read_status
from infra.supply.lock import read_lock

ROOT = Path(__file__).parents[2]
VALIDATE = """
import sys
from pathlib import Path
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
validator = JsonStrictValidator(SchemaVersion.V1_6)
sys.exit(validator.validate_str(Path(sys.argv[1]).read_text()))
"""
# What would compile, install, fetch or keep a history.
UNWANTED = (
    r"/(usr/)?(local/)?s?bin/(.*-)?(gcc|g\+\+|cc|c\+\+|clang|ld|as|make|cmake|tcc|rustc|go)(-[\d.]+)?",
    r"/(.*/)?(pip|pip3|pipx|uv|conda|easy_install|apt|apt-get|aptitude|curl|wget|git|ssh|nc)",
    r"/(.*/)?(pip|ensurepip|setuptools|wheel|numpy|scipy|pandas|sklearn)/__init__\.py",
    r"/(.*/)?\.[a-z_]*history|/(.*/)?\.(netrc|pypirc|gitconfig|ssh|aws|docker|env)(/.*)?",
    r"/(.*/)?(pip\.conf|pip\.ini|uv\.toml|auth\.conf|id_rsa|credentials)",
    r"/var/lib/apt/.+|/var/cache/apt/.+\.(deb|bin)|/etc/apt/.*\.(list|sources)|/etc/apt/.*conf.*/.+",
    r"/(build|wheels)(/.*)?|/(.*/)?.*\.whl",
    r"/(root|home)/.*|/etc/(hostname|resolv\.conf|machine-id)",
)


def test_the_archive_compressed_has_at_most_150_mb(archive, members, record_property):
    compressed = len(gzip.compress(archive.read_bytes(), compresslevel=6))
    unpacked = sum(member.size for member in members.values())
    record_property("compressed_mb", round(compressed / 1e6, 1))
    record_property("unpacked_mb", round(unpacked / 1e6, 1))
    assert compressed < 150e6


@pytest.mark.parametrize("pattern", UNWANTED)
def test_nothing_in_it_compiles_installs_fetches_or_was_left_behind(members, pattern):
    # dpkg and apt keep empty files as locks, and a container engine mounts its own over others.
    files = [path for path, member in members.items() if member.issym() or member.size]
    assert len(files) > 1_000
    kept = r"/(root)/\.(bashrc|profile)"  # of Debian's package base-files
    found = [path for path in files if re.fullmatch(pattern, path)]
    assert [path for path in found if not re.fullmatch(kept, path)] == []


def test_no_file_changes_who_runs_it_and_ours_may_be_read_by_all_and_written_by_root_alone(members):
    changing = [p for p, member in members.items() if member.isreg() and member.mode & 0o6000]
    assert changing == []
    ours = {path: m for path, m in members.items() if path.startswith("/opt/")}
    assert ours
    assert {(member.uid, member.gid) for member in ours.values()} == {(0, 0)}
    modes = {path: m.mode & 0o066 for path, m in ours.items() if not m.issym()}
    assert {path: oct(mode) for path, mode in modes.items() if mode != 0o044} == {}


def test_no_file_holds_what_is_told_to_this_machine_alone(members, image):
    """Where its packages come from."""
    uris = subprocess.run(
        ["apt-get", "indextargets", "--no-release-info", "--format", "$(SITE)"],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    indexes = subprocess.run(
        [ROOT / ".venv/bin/python", "-m", "pip", "config", "list"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    told = {uri for uri in uris if "://" in uri} | {*re.findall(r"\w+:///?[^\s']+", indexes)}
    written = [
        image.root / path.lstrip("/")
        for path, member in members.items()
        if member.isreg() and path.startswith(("/etc/", "/opt/", "/var/"))
    ]
    leaks = {
        (str(path.relative_to(image.root)), each)
        for path in written
        for each in told
        if each.encode() in path.read_bytes()
    }
    # dpkg's own record names the address of a project where its package does.
    assert {leak for leak in leaks if not leak[0].startswith("var/lib/dpkg/")} == set()


def test_it_runs_as_a_number_that_is_not_root_and_starts_serve(image):
    config = image.config
    assert (config.user, config.group) == (10001, 10001)
    assert config.entrypoint == ("python", "-m", "infra.serving")
    assert config.command == ("serve",)
    assert config.folder == "/opt/overnight"
    assert config.health == ("python", "-m", "infra.serving.http.health")
    assert config.environment == {
        "PATH": "/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": "/opt/overnight",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }


def test_its_labels_say_what_it_is(image):
    assert image.config.labels == {
        "org.opencontainers.image.title": "overnight-serving",
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.base.name": "debian:bookworm",
        "com.amazonaws.sagemaker.capabilities.accept-bind-to-port": "true",
    }


def test_the_bill_inside_is_the_one_beside_it_and_meets_the_schema(image, archive):
    inside = (image.root / "opt/sbom.json").read_bytes()
    beside = archive.with_suffix(".json")
    assert inside == beside.read_bytes()
    tools = ROOT / ".venv-audit/bin/python"
    ran = subprocess.run(
        [tools, "-c", VALIDATE, beside], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_bill_lists_every_debian_and_every_locked_python_package(image, bill):
    listed = {
        (each["purl"].split("/")[0], each["name"], each["version"]) for each in bill["components"]
    }
    dpkg = ["dpkg-query", f"--admindir={image.root}/var/lib/dpkg", "--show", "--showformat"]
    shown = subprocess.run(
        [*dpkg, "${Package} ${Version}\\n"], check=True, capture_output=True, text=True
    ).stdout
    debian = {("pkg:deb", *line.split()) for line in shown.splitlines()}
    locked = read_lock(ROOT / "infra/serving/image/requirements.lock")
    python = {("pkg:pypi", package.name, package.version) for package in locked}
    assert len(debian) > 50
    assert listed == debian | python


def test_every_package_has_a_licence_that_was_looked_at(image, bill):
    policy = (ROOT / "infra/supply/licences.csv").read_text().splitlines()
    known = {row["package"] for row in csv.DictReader(policy)}
    python = [each["name"] for each in bill["components"] if each["purl"].startswith("pkg:pypi/")]
    assert {canonicalize_name(name) for name in python} <= known
    # All of Debian's are of its component main, which holds free software; each says its terms.
    names = [package.name for package in read_status(image.root / "var/lib/dpkg/status")]
    copyrights = [image.root / "usr/share/doc" / name / "copyright" for name in names]
    assert [str(path) for path in copyrights if not path.read_text(errors="replace").strip()] == []


def test_bytecode_is_there_and_is_never_checked_against_a_time(members, image):
    sources = [p for p in members if p.startswith("/opt/overnight/") and p.endswith(".py")]
    assert sources
    compiled = [
        p for p in members if p.startswith(("/opt/", "/usr/lib/python3")) and p.endswith(".pyc")
    ]
    assert len(compiled) > len(sources)
    # PEP 552: bit 0 of the flags says by hash, bit 1 would say to check it.
    flags = {(image.root / path.lstrip("/")).read_bytes()[4:8] for path in compiled}
    assert flags == {b"\x01\0\0\0"}


def test_every_file_has_a_time_that_the_lock_gives_or_an_earlier_one(members):
    lock = (ROOT / "infra/serving/image/debian.lock").read_text()
    epoch = int(re.search(r"(?m)^epoch=(\d+)$", lock)[1])
    assert max(int(member.mtime) for member in members.values()) == epoch


def test_the_readme_says_what_it_is_made_of(members):
    """Each row of its table within 1 MB, or a tenth."""
    readme = (ROOT / "infra/serving/README.md").read_text()
    rows = re.findall(r"(?m)^\| ([^|]+) \| `(/.*)` \| ([\d.]+) \|$", readme)
    assert len(rows) > 4
    rest = {path: member.size for path, member in members.items() if member.isreg()}
    for _, pattern, told in rows:
        # A bar inside of a table is written with a backslash.
        taken = [path for path in rest if re.match(pattern.replace("\\|", "|"), path)]
        size = sum(rest.pop(path) for path in taken) / 1e6
        assert float(told) == pytest.approx(size, abs=1, rel=0.1), pattern
    assert rest == {}
