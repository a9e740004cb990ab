"""Translates the errors of libraries in an outage into one message with the remedy.

A full disk, a lake that is read-only, a server that is down and a Java process that is gone come
up as errors of half a dozen libraries. Every step has a message of ours instead, and may be run
again. These are no mistakes of the user's, so Airflow tries the step again by itself.

Libraries share words ("connection refused"), so the library is found by the frames that an error
passed through.
"""

import functools
import inspect
import re
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from expectations.contract import OvernightError

P = ParamSpec("P")

AGAIN = "Then run the same step again: it goes on from what is there."
LONGEST = 400

ANY = ""
# The library at work, what its words are recognised by, what it means, and what to do.
OUTAGES: tuple[tuple[str, str, str, str], ...] = (
    (
        ANY,
        r"No space left on device|disk is full|Disk quota exceeded|File too large",
        "There is no room left to write",
        "Make room on the disk of OVERNIGHT_HOME, of OVERNIGHT_LAKE or of the temporary folder "
        "(TMPDIR).",
    ),
    (
        ANY,
        r"Generic S3 error|AWS Error|(Could not connect to the|imeout on) endpoint",
        "The object store does not do what it is asked",
        "Look whether it answers (AWS_ENDPOINT_URL), and whether this role may read and write "
        "there.",
    ),
    (
        ANY,
        r"Read-only file system|Permission denied|readonly database|Operation not permitted",
        "A file cannot be written or read",
        "Let the user that runs this read and write in OVERNIGHT_HOME and OVERNIGHT_LAKE.",
    ),
    (
        ANY,
        r"database (table )?is locked",
        "A SQLite file stays locked by another process",
        "Look for what has it open (fuser, lsof): a copy that is being made, a browser of "
        "databases, a step that hangs. Where many write, use PostgreSQL.",
    ),
    (
        ANY,
        r"table \"?_alembic_tmp_\w+\"? already exists",
        "MLflow's database was left half made by a process that was killed",
        "If it is new, delete the file that MLFLOW_TRACKING_URI names (mlflow.db in "
        "OVERNIGHT_HOME unless set); else put its newest backup back.",
    ),
    (
        "mlflow",
        r"API request to \S+ failed|HTTPS?ConnectionPool|Connection (refused|reset)",
        "MLflow does not answer",
        "Start it (embedded: make up), or correct MLFLOW_TRACKING_URI.",
    ),
    (
        "py4j",
        r"Py4J\w*Error|Answer from Java side is empty|Connection (refused|reset)|"
        r"SparkContext was shut ?down|Error while sending or receiving",
        "Spark is lost",
        "Look for what ended its Java process: the kernel's log (dmesg) names one that took too "
        "much memory; give the machine more, or Spark fewer cores (OVERNIGHT_SPARK=local[2]).",
    ),
)


def translate_errors(step: Callable[P, str]) -> Callable[P, str]:
    """Decorate a step to translate errors of outages, and to refuse texts that are not plain."""
    signature = inspect.signature(step)

    @functools.wraps(step)
    def run(*given: P.args, **named: P.kwargs) -> str:
        from pipelines.config import refuse_unplain

        refuse_unplain(signature.bind(*given, **named).arguments)
        try:
            return step(*given, **named)
        except Exception as error:
            from expectations.contract import OvernightError

            outage = None if isinstance(error, OvernightError) else explain(error)
            if outage is None:
                raise
            raise outage from error

    return run


def explain(error: BaseException) -> "OvernightError | None":
    """Describe an outage; None when an error is none."""
    from expectations.contract import OvernightError

    for each in _chain(error):
        text, libraries = f"{type(each).__name__}: {each}", _libraries(each)
        for library, pattern, meaning, remedy in OUTAGES:
            if library in libraries and re.search(pattern, text):
                return OvernightError(f"{meaning}: {_shorten(text)} {remedy} {AGAIN}")
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__


def _libraries(error: BaseException) -> set[str]:
    """List the packages whose code an error passed through."""
    frames = traceback.walk_tb(error.__traceback__)
    return {ANY, *(str(f.f_globals.get("__name__")).partition(".")[0] for f, _ in frames)}


def _shorten(text: str) -> str:
    from expectations.contract import hide_passwords

    plain = re.sub(r"\x1b\[\d*m", "", text)  # delta-rs colours its errors
    line = hide_passwords(" ".join(plain.split()))
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} …"
