"""Runs the embedded EMR Serverless until SIGTERM.

`python -m infra.emulator.emr --home DIR --port N [--master local[2]]`; S3 is where
`AWS_ENDPOINT_URL` points, and Spark where `SPARK_HOME` does.
"""

import argparse
import logging
import sys
from pathlib import Path

from expectations.contract import InputError
from infra.emulator.emr.server import serve
from infra.processes import hold


def main(arguments: list[str]) -> int:
    """Serve until a signal to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.emulator.emr", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--master", default="local[2]", help="where Spark runs the jobs")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        with hold(options.home, holder="An embedded EMR Serverless"):
            serve(options.home.absolute(), options.port, options.master)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
