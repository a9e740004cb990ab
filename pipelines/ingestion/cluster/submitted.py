"""Tasks of an ingestion as one request, in a session or in a job that reads it from a URL."""

import functools
import hashlib
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from expectations.contract import FrozenModel, InputError, OvernightError
from feature_jobs.executors.spark import Session, join_session, map_items
from feature_jobs.io import read_bytes, replace
from pipelines.ingestion.cluster.merging import merge_days
from pipelines.ingestion.cluster.reading import read_files

Kind = Literal["read", "merge"]
# What spark-submit starts; the archive brings the rest.
ENTRY = (
    b"import sys\n\nfrom pipelines.ingestion.cluster.submitted import main\n\n"
    b"sys.exit(main(sys.argv[1:]))\n"
)
_FUNCTIONS: Mapping[Kind, Callable[[str, str], str]] = {"read": read_files, "merge": merge_days}


class Request(FrozenModel):
    """Tasks of one kind.

    Attributes:
        common: what they have in common, as JSON.
        items: what each is to do, as JSON.
    """

    kind: Kind
    common: str
    items: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the whole request."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class Answer(FrozenModel):
    """The answers of all tasks, or why there are none.

    Attributes:
        is_refused: True if the problem is the request's, so that asking again is no use.
    """

    answers: tuple[str, ...] = ()
    problem: str = ""
    is_refused: bool = False


def do_items(session: Session, request: Request) -> list[str]:
    """Do the tasks of a request in Spark's workers; return their answers in order."""
    function = functools.partial(_FUNCTIONS[request.kind], request.common)
    return map_items(session, function, request.items)


def main(arguments: list[str]) -> int:
    """Do the request at the first address, and write the answer to the second."""
    asked, answered = arguments
    request = Request.model_validate_json(read_bytes(asked))
    try:
        with (
            tempfile.TemporaryDirectory() as scratch,
            join_session(scratch=Path(scratch)) as session,
        ):
            answer = Answer(answers=tuple(do_items(session, request)))
    except OvernightError as error:
        refused = Answer(problem=str(error), is_refused=isinstance(error, InputError))
        replace(answered, refused.model_dump_json().encode())
        sys.stderr.write(f"{error}\n")
        return 2
    replace(answered, answer.model_dump_json().encode())
    return 0
