"""Execution of a request for features, in a Spark session or as a submitted job.

Both make the same parts. A job reads its request from a file beside the table's parts and writes
its answer there; a request whose answer exists is not submitted again.
"""

from expectations.contract import InputError, OvernightError
from feature_jobs.executors.spark import ENTRY, UNPACKED, Answer, Request, fulfil, open_session
from feature_jobs.io import DataFile, read_bytes, remove, remove_folder, replace
from infra.emr import Application, Job, run_job
from pipelines.config.installation import Session, Settings
from pipelines.lake import find_damage

JOBS = ".jobs"


def build_parts(request: Request, settings: Settings) -> list[DataFile]:
    """Execute a request where the settings say; the parts are not committed yet.

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


def forget_job(request: Request) -> None:
    """Remove the requests and answers of submitted jobs, once the parts of one are committed.

    All jobs of the table, as older ones were given up. Removing one job's folder alone would make
    pyarrow leave a marker of the folder around it in S3.
    """
    remove_folder(f"{request.target}/{JOBS}")


def _in_session(request: Request, at: Session, settings: Settings) -> list[DataFile]:

    with open_session(at.master, scratch=settings.scratch, archive=at.archive) as session:
        return list(fulfil(session, request))


def _submitted(request: Request, application: Application) -> list[DataFile]:

    folder = _job_folder(request)
    answer = _read_answer(f"{folder}/answer.json")
    if answer is not None and any(find_damage(request.target, _parts(answer))):
        remove(f"{folder}/answer.json")  # its parts were changed since the job wrote them
        answer = None
    if answer is None or answer.problem:
        _refuse_folder(request.target)
        replace(f"{folder}/request.json", request.model_dump_json().encode())
        replace(f"{folder}/job.py", ENTRY)
        job = Job(
            name=f"overnight-{request.digest[:20]}",
            entry=f"{folder}/job.py",
            arguments=(f"{folder}/request.json", f"{folder}/answer.json"),
            unpacked=UNPACKED,
        )
        if answer is not None:
            remove(job.arguments[1])  # the error of an earlier attempt
        answer = _have_done(application, job)
    return _parts(answer)


def _parts(answer: Answer) -> list[DataFile]:
    return list(answer.parts)


def _have_done(application: Application, job: Job) -> Answer:
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


def _read_answer(address: str) -> Answer | None:

    try:
        return Answer.model_validate_json(read_bytes(address))
    except FileNotFoundError:
        return None


def _job_folder(request: Request) -> str:
    return f"{request.target}/{JOBS}/{request.digest[:20]}"


def _refuse_folder(target: str) -> None:
    if not target.startswith("s3://"):
        raise InputError(
            f"OVERNIGHT_LAKE is the folder {target}, which EMR Serverless does not see. Let it "
            "name an s3:// URL, or OVERNIGHT_SPARK a session."
        )
