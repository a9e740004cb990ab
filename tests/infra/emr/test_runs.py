"""Job runs against the embedded EMR Serverless: `spark-submit` runs each entry point for real."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest

from expectations.contract import OvernightError
from infra.emr.job import Application, Job
from infra.emr.runs import run_job
from infra.sagemaker.connection import AwsError
from tests.infra.embedded_server import wait_for
from tests.infra.emr.standin import StandIn, make_job, pack_own_python, put, running_stand_in

WAITS = (
    b"import pathlib, sys, time\nwhile not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.1)\n"
)
FOLLOWER = """
import sys
from infra.emr.job import Application
from infra.emr.runs import run_job
from tests.infra.emr.standin import make_job
run_job(Application.model_validate_json(sys.argv[1]), make_job(*sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running_stand_in(tmp_path_factory.mktemp("emr")) as found:
        put("environment.tar.gz", pack_own_python())
        yield found


@pytest.fixture
def application(stand_in: StandIn) -> Application:
    return stand_in.application("environment.tar.gz")


def follow(application: Application, job: Job) -> subprocess.Popen[bytes]:
    """Have a job done in a process of its own."""
    at = application.model_dump_json()
    words = [sys.executable, "-c", FOLLOWER, at, job.name, job.entry, *job.arguments]
    return subprocess.Popen(words, stderr=subprocess.DEVNULL)


def named(stand_in: StandIn, name: str) -> list[dict]:
    return [run for run in stand_in.started() if run["name"] == name]


def is_running(stand_in: StandIn, name: str) -> bool:
    return [run["state"] for run in named(stand_in, name)] == ["RUNNING"]


def test_a_lost_answer_to_the_start_does_not_start_a_second_run(
    stand_in: StandIn, application: Application
) -> None:
    stand_in.lose_answer("StartJobRun")
    run_job(application, make_job("lost", put("lost.py", b"print('done')\n")))
    (run,) = named(stand_in, "lost")
    assert run["state"] == "SUCCESS"
    assert stand_in.calls().count("StartJobRun") == 2
    # Its archive would take half a gigabyte for each run.
    assert wait_for(lambda: not (stand_in.home / run["id"] / "packed").exists(), 30)


def test_a_run_whose_follower_was_killed_is_found_again(
    stand_in: StandIn, application: Application, tmp_path
) -> None:
    job = make_job("adopted", put("adopted.py", WAITS), str(tmp_path / "go"))
    first = follow(application, job)
    assert wait_for(lambda: is_running(stand_in, "adopted"), 60)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    asked = stand_in.calls().count("GetJobRun")
    with ThreadPoolExecutor() as beside:
        second = beside.submit(run_job, application, job)
        # Only once it follows one, so that the run has not ended before it is looked for.
        followed = wait_for(lambda: stand_in.calls().count("GetJobRun") > asked, 60)
        (tmp_path / "go").touch()
        second.result()
    assert followed
    assert [run["state"] for run in named(stand_in, "adopted")] == ["SUCCESS"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_follower_cancels_the_run(
    stand_in: StandIn, application: Application, tmp_path, number: signal.Signals
) -> None:
    name = f"cancelled-{number.name}"
    job = make_job(name, put("waits.py", WAITS), str(tmp_path / "never"))
    told = follow(application, job)
    assert wait_for(lambda: is_running(stand_in, name), 60)
    told.send_signal(number)
    # The former handling goes on: the process ends by the signal.
    assert told.wait(timeout=60) == -number
    assert wait_for(lambda: named(stand_in, name)[0]["state"] == "CANCELLED", 60)


def test_after_the_former_handler_a_process_that_lives_on_is_told(
    stand_in: StandIn, application: Application, tmp_path
) -> None:
    heard: list[str] = []
    former = signal.signal(signal.SIGTERM, lambda *_: heard.append("on_kill"))  # as Airflow's does
    job = make_job("told", put("waits.py", WAITS), str(tmp_path / "never"))

    def kill_once_it_runs() -> None:
        wait_for(lambda: is_running(stand_in, "told"), 60)
        os.kill(os.getpid(), signal.SIGTERM)

    killer = Thread(target=kill_once_it_runs)
    killer.start()
    try:
        with pytest.raises(OvernightError, match="Stopped by SIGTERM"):
            run_job(application, job)
    finally:
        killer.join()
        assert signal.signal(signal.SIGTERM, former) is not signal.SIG_DFL
    assert heard == ["on_kill"]
    assert wait_for(lambda: named(stand_in, "told")[0]["state"] == "CANCELLED", 60)


def test_a_failed_run_is_told_with_its_reason_and_its_log_and_may_be_started_again(
    stand_in: StandIn, application: Application
) -> None:
    job = make_job("failed", put("failed.py", b"raise SystemExit('no such day')\n"))
    with pytest.raises(AwsError) as told:
        run_job(application, job)
    (run,) = named(stand_in, "failed")
    assert "ended FAILED: Job failed with exit code 1" in str(told.value)
    assert (
        f"CloudWatch, group spark, streams applications/{application.id}/jobs/{run['id']}"
        in str(told.value)
    )
    put("failed.py", b"print('mended')\n")
    run_job(application, job)
    assert [run["state"] for run in named(stand_in, "failed")] == ["SUCCESS", "FAILED"]


def test_what_aws_would_refuse_is_refused(application: Application) -> None:
    with pytest.raises(AwsError, match="clientToken"):
        run_job(application, make_job("not a token", "s3://bank/none.py"))


def test_nothing_that_answers_is_told_with_a_remedy(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR_SERVERLESS", "http://127.0.0.1:9")
    with pytest.raises(OvernightError, match="AWS_ENDPOINT_URL_EMR_SERVERLESS"):
        run_job(application, make_job("nobody", "s3://bank/none.py"))
