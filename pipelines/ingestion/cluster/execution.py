"""Execution of the tasks of an ingestion: in a Spark session, or as a job of EMR Serverless.

The answers are the same. A job reads its request from a file in the shared folder and writes its
answer there, so a rerun after a kill finds the job, or its answer.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from expectations.contract import InputError, OvernightError
from feature_jobs.executors.spark import UNPACKED, open_session
from feature_jobs.executors.spark import Session as OpenSession
from feature_jobs.io import read_bytes, replace
from infra.emr import Application, Job, run_job
from pipelines.config.installation import Session, Settings
from pipelines.ingestion.cluster.submitted import ENTRY, Answer, Kind, Request, do_items


class Workers:
    """Workers that do the tasks of one ingestion; a context.

    Args:
        settings: name the cluster or the application.
        folder: that the ingestion and its workers share.
    """

    def __init__(self, settings: Settings, folder: str) -> None:
        self._settings, self._folder = settings, folder
        self._opened: OpenSession | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def do(self, kind: Kind, common: str, items: Sequence[str]) -> list[str]:
        """Do all tasks of one kind; return their answers in order.

        Args:
            kind: names the function.
            common: what the tasks have in common, as JSON.
            items: what each is to do, as JSON.

        Raises:
            OvernightError: when Spark cannot be reached or gives up, or a job fails.
        """
        request = Request(kind=kind, common=common, items=tuple(items))
        match self._settings.spark:
            case Session() as at:
                if self._opened is None:
                    self._opened = self._stack.enter_context(
                        open_session(at.master, scratch=self._settings.scratch, archive=at.archive)
                    )
                return do_items(self._opened, request)
            case Application() as application:
                return self._submit(application, request)

    def _submit(self, application: Application, request: Request) -> list[str]:
        folder = f"{self._folder}/job-{request.kind}"
        job = Job(
            name=f"overnight-{request.digest[:20]}",
            entry=f"{folder}/job.py",
            arguments=(f"{folder}/request.json", f"{folder}/{request.digest[:20]}.json"),
            unpacked=UNPACKED,
        )
        answer = _read_answer(job.arguments[1])
        if answer is None:
            replace(job.arguments[0], request.model_dump_json().encode())
            replace(job.entry, ENTRY)
            try:
                run_job(application, job)
            except OvernightError:
                answer = _read_answer(job.arguments[1])
                if answer is None or not answer.problem:
                    raise
            answer = answer or _read_answer(job.arguments[1])
        if answer is None:
            raise OvernightError(
                f"{job.name} ended well and left no {job.arguments[1]}. May the job's role write "
                "there?"
            )
        if answer.problem:
            # The job's words say more than AWS's.
            raise (InputError if answer.is_refused else OvernightError)(answer.problem)
        return list(answer.answers)


def _read_answer(address: str) -> Answer | None:
    try:
        return Answer.model_validate_json(read_bytes(address))
    except FileNotFoundError:
        return None
