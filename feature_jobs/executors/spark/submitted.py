"""Entry of a job on a cluster: reads a request from one URL, writes the answer to another.

A failure is an answer too, so that the step that asked raises the same error as with a session of
its own, and knows whether asking again can help.
"""

import sys
import tempfile
from pathlib import Path

from expectations.contract import InputError, OvernightError
from feature_jobs.executors.spark.request import Answer, Request, fulfil
from feature_jobs.executors.spark.session import join_session
from feature_jobs.io import read_bytes, replace

# What spark-submit starts; the archive brings the rest.
ENTRY = (
    b"import sys\n\nfrom feature_jobs.executors.spark.submitted import main\n\n"
    b"sys.exit(main(sys.argv[1:]))\n"
)


def main(arguments: list[str]) -> int:
    """Carry out the request at the first address, and write the answer to the second."""
    asked, answered = arguments
    request = Request.model_validate_json(read_bytes(asked))
    try:
        with (
            tempfile.TemporaryDirectory() as scratch,
            join_session(scratch=Path(scratch)) as session,
        ):
            answer = Answer(parts=tuple(fulfil(session, request)))
    except OvernightError as error:
        refused = Answer(problem=str(error), is_refused=isinstance(error, InputError))
        replace(answered, refused.model_dump_json().encode())
        sys.stderr.write(f"{error}\n")
        return 2
    replace(answered, answer.model_dump_json().encode())
    return 0
