"""What a submitted job answers, and what its step makes of it."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from expectations.contract import InputError, OvernightError
from feature_jobs.declaration.features import FeatureSet
from feature_jobs.executors.spark import submitted
from feature_jobs.executors.spark.request import Answer, Request
from infra.emr.job import Application, Job
from pipelines.config.installation.settings import load_settings
from pipelines.features import execution as building
from pipelines.lake.day_files import write_rows
from tests.pipelines.forgery import rewrite_in_place, tenfold

APPLICATION = Application(
    id="00f1abcd2345ef09",
    role="arn:aws:iam::123456789012:role/spark",
    archive="s3://bank/code/a.tar.gz",
)


@pytest.fixture
def place(tmp_path: Path) -> tuple[str, str]:
    """Addresses of a question and of its answer."""
    request = Request(
        builds=(), features=FeatureSet(), entities=(), attributes={},
        target=str(tmp_path), engine=1,
    )  # fmt: skip
    (tmp_path / "request.json").write_text(request.model_dump_json())
    return str(tmp_path / "request.json"), str(tmp_path / "answer.json")


@pytest.mark.parametrize("kind", [InputError, OvernightError])
def test_a_step_raises_what_its_job_ended_with(
    kind: type[OvernightError], place: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the two Airflow tries only the second again.
    def fail(*_: Any) -> None:
        raise kind("two workers were lost")

    @contextlib.contextmanager
    def session(**_: Any) -> Iterator[None]:
        yield

    def run_job(_: Application, job: Job) -> None:
        code = submitted.main(list(job.arguments))
        raise OvernightError(f"The job ended with {code}")

    monkeypatch.setattr(submitted, "fulfil", fail)
    monkeypatch.setattr(submitted, "join_session", session)
    monkeypatch.setattr(building, "run_job", run_job)
    job = Job(name="overnight-1", entry="job.py", arguments=place, unpacked="a")
    with pytest.raises(OvernightError, match=r"^two workers were lost$") as raised:
        building._have_done(APPLICATION, job)
    assert type(raised.value) is kind


@pytest.mark.parametrize("is_changed", [False, True])
def test_an_answer_counts_as_long_as_its_parts_are_what_was_written(
    tmp_path: Path, *, is_changed: bool
) -> None:
    request = Request(
        builds=(), features=FeatureSet(), entities=(), attributes={},
        target=str(tmp_path), engine=1,
    )  # fmt: skip
    written = write_rows(str(tmp_path), "2025-01-01", pa.table({"amount": [1.0]}))
    answer = tmp_path / building.JOBS / request.digest[:20] / "answer.json"
    answer.parent.mkdir(parents=True)
    answer.write_text(Answer(parts=(written,)).model_dump_json())
    settings = replace(load_settings(), spark=APPLICATION)
    if not is_changed:
        assert building.build_parts(request, settings) == [written]
        return
    rewrite_in_place(tmp_path / written.path, tenfold)
    # The job would be asked again, were this a place that it can write to.
    with pytest.raises(InputError, match="EMR Serverless does not see"):
        building.build_parts(request, settings)
    assert not answer.exists()
