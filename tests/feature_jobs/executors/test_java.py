import subprocess
from pathlib import Path

import pytest

from feature_jobs.executors.spark.java import find_java


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("shutil.which", lambda _: None)


def version(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [home / "bin/java", *arguments, "-version"], capture_output=True, text=True, check=False
    )


@pytest.mark.usefixtures("no_java")
def test_where_there_is_no_java_the_wheels_runs_without_the_module_it_lacks(
    tmp_path: Path,
) -> None:
    home = find_java(tmp_path)
    assert tmp_path in home.parents
    ran = version(home, "--add-modules=jdk.incubator.vector")
    assert ran.returncode == 0, ran.stderr
    assert find_java(tmp_path) == home


@pytest.mark.usefixtures("no_java")
def test_an_old_java_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "old"
    (old / "bin").mkdir(parents=True)
    (old / "bin/java").write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    (old / "bin/java").chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(old))
    assert find_java(tmp_path / "scratch") != old


@pytest.mark.usefixtures("no_java")
def test_a_new_enough_java_home_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = tmp_path / "new"
    (new / "bin").mkdir(parents=True)
    (new / "bin/java").write_text("#!/bin/sh\necho 'openjdk version \"17.0.9\" 2023' >&2\n")
    (new / "bin/java").chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(new))
    assert find_java(tmp_path / "scratch") == new
