"""Tasks of an ingestion as a job elsewhere: asked once, answered in the words of a session."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from expectations.contract import InputError, OvernightError
from infra.emr.job import Application, Job
from pipelines.config.installation.settings import Settings, read_settings
from pipelines.ingestion.cluster import execution, submitted
from pipelines.ingestion.cluster.execution import Workers
from pipelines.ingestion.cluster.messages import Reading
from pipelines.ingestion.cluster.reading import read_files
from tests.pipelines.ingestion.cluster.deliveries import write_delivery

APPLICATION = Application(
    id="00f1abcd2345ef09",
    role="arn:aws:iam::123456789012:role/spark",
    archive="s3://bank/code/a.tar.gz",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(read_settings({"OVERNIGHT_HOME": str(tmp_path)}), spark=APPLICATION)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the jobs that were started; each runs the entry in this process."""
    started: list[str] = []

    @contextlib.contextmanager
    def session(**_: Any) -> Iterator[None]:
        yield

    def run_job(_: Application, job: Job) -> None:
        started.append(job.name)
        code = submitted.main(list(job.arguments))
        if code:
            raise OvernightError(f"The job ended with {code}")

    def map_items(_: object, function: Callable[[str], str], items: Sequence[str]) -> list[str]:
        return [function(item) for item in items]

    monkeypatch.setattr(submitted, "join_session", session)
    monkeypatch.setattr(submitted, "map_items", map_items)
    monkeypatch.setattr(execution, "run_job", run_job)
    monkeypatch.setitem(submitted._FUNCTIONS, "read", lambda common, item: f"{common} {item}")
    return started


def test_a_request_that_was_answered_starts_no_second_job(
    settings: Settings, names: list[str], tmp_path: Path
) -> None:
    workers = Workers(settings, str(tmp_path / "shared"))
    assert workers.do("read", "files", ["1", "2"]) == ["files 1", "files 2"]
    assert workers.do("read", "files", ["1", "2"]) == ["files 1", "files 2"]
    assert len(names) == 1
    assert workers.do("read", "files", ["3"]) == ["files 3"]
    assert len(set(names)) == 2


@pytest.mark.parametrize("kind", [InputError, OvernightError])
def test_a_step_raises_what_its_job_ended_with(
    kind: type[OvernightError],
    settings: Settings,
    names: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def fail(*_: Any) -> None:
        raise kind("two workers were lost")

    monkeypatch.setattr(submitted, "map_items", fail)
    with pytest.raises(OvernightError, match=r"^two workers were lost$") as raised:
        Workers(settings, str(tmp_path / "shared")).do("read", "files", ["1"])
    assert type(raised.value) is kind
    assert len(names) == 1


def test_workers_with_other_code_are_refused(tmp_path: Path) -> None:
    spec = write_delivery(tmp_path, kind="column")
    other = Reading(version=99, spec=spec, types="", since=None, remember=(), folder="")
    with pytest.raises(InputError, match=r"asks for version 99 of its tasks .*make dist"):
        read_files(other.model_dump_json(), "{}")
