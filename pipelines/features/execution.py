"""Two ways to carry out a request for features: in a session of ours, or as a submitted job.

Both give the same parts. A job is asked through two files beside the table's parts, named by the
request; an answer that is there is not asked for again.
"""

from typing import TYPE_CHECKING

from expectations.contract import InputError, OvernightError
from infra.emr.job import Application, Job
from infra.emr.runs import run_job
from pipelines.config.installation import Session, Settings
from pipelines.lake import Part, find_damage

if TYPE_CHECKING:
    from feature_jobs.executors.spark import Answer, Request

JOBS = ".jobs"


def build_parts(request: "Request", settings: Settings) -> list[Part]:
    """Have a request carried out where the settings say; the parts are not yet visible.

    Raises:
        ProblemsError: naming every expression that Spark refuses.
        InputError: when the rows cannot be used.
        OvernightError: when Spark cannot be reached, or a job fails.
    """
    match settings.spark:
        case Session() as session:
            return _in_session(request, session, settings)
        case Application() as application:
            return _submitted(request, application)


def forget_job(request: "Request") -> None:
    """Remove what submitted jobs were asked by and answered with, once one's parts are committed.

    Of all jobs of the table: what is older was given up. And of a folder inside, pyarrow would
    leave a marker of the one around it in S3.
    """
    from feature_jobs.io import remove_folder

    remove_folder(f"{request.target}/{JOBS}")


def _in_session(request: "Request", at: Session, settings: Settings) -> list[Part]:
    from feature_jobs.executors.spark import fulfil, open_session

    with open_session(at.master, scratch=settings.scratch, archive=at.archive) as session:
        return [Part(w.path, w.day, w.rows, w.size_bytes) for w in fulfil(session, request)]


def _submitted(request: "Request", application: Application) -> list[Part]:
    from feature_jobs.executors.spark import ENTRY, UNPACKED
    from feature_jobs.io import remove, replace

    place = _place(request)
    answer = _read_answer(f"{place}/answer.json")
    if answer is not None and any(find_damage(request.target, _parts(answer))):
        remove(f"{place}/answer.json")  # its parts are not what that job wrote any more
        answer = None
    if answer is None or answer.problem:
        _refuse_folder(request.target)
        replace(f"{place}/request.json", request.model_dump_json().encode())
        replace(f"{place}/job.py", ENTRY)
        job = Job(
            name=f"overnight-{request.digest[:20]}",
            entry=f"{place}/job.py",
            arguments=(f"{place}/request.json", f"{place}/answer.json"),
            unpacked=UNPACKED,
        )
        if answer is not None:
            remove(job.arguments[1])  # what an earlier attempt found wrong
        answer = _have_done(application, job)
    return _parts(answer)


def _parts(answer: "Answer") -> list[Part]:
    return [Part(w.path, w.day, w.rows, w.size_bytes) for w in answer.parts]


def _have_done(application: Application, job: Job) -> "Answer":
    try:
        run_job(application, job)
    except OvernightError:
        answer = _read_answer(job.arguments[1])
        if answer is not None and answer.problem:
            # The job's words say more than AWS's.
            raise (InputError if answer.is_refused else OvernightError)(answer.problem) from None
        raise
    answer = _read_answer(job.arguments[1])
    if answer is None:
        raise OvernightError(
            f"{job.name} ended well and left no {job.arguments[1]}. May the job's role write there?"
        )
    return answer


def _read_answer(address: str) -> "Answer | None":
    from feature_jobs.executors.spark import Answer
    from feature_jobs.io import read_bytes

    try:
        return Answer.model_validate_json(read_bytes(address))
    except FileNotFoundError:
        return None


def _place(request: "Request") -> str:
    return f"{request.target}/{JOBS}/{request.digest[:20]}"


def _refuse_folder(target: str) -> None:
    if not target.startswith("s3://"):
        raise InputError(
            f"OVERNIGHT_LAKE is the folder {target}, which EMR Serverless does not see. Let it "
            "name an s3:// URL, or OVERNIGHT_SPARK a session."
        )
