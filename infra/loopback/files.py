"""A server of a folder's files on the loopback address, for Great Expectations' pages.

`python -m infra.loopback.files --folder DIR --port N`
"""

import argparse
import functools
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from infra.loopback.handler import refuse_foreign_request
from infra.loopback.rule import OwnAddresses, own_addresses


def main(arguments: list[str]) -> int:
    """Serve until a signal to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.loopback.files", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="whose files are served")
    parser.add_argument("--port", type=int, required=True, help="of 127.0.0.1")
    options = parser.parse_args(arguments)
    handler = functools.partial(
        _Files,
        directory=str(options.folder),
        own=OwnAddresses(own_addresses(options.port), has_pages=True),
    )
    with ThreadingHTTPServer(("127.0.0.1", options.port), handler) as server:
        server.serve_forever()
    return 0


class _Files(SimpleHTTPRequestHandler):
    def __init__(self, *given: object, directory: str, own: OwnAddresses) -> None:
        self._own = own
        super().__init__(*given, directory=directory)  # type: ignore[arg-type]  # as the server calls it

    def do_GET(self) -> None:
        """Answer with a file."""
        if not refuse_foreign_request(self, self._own):
            super().do_GET()

    def do_HEAD(self) -> None:
        """Answer with a file's headers."""
        if not refuse_foreign_request(self, self._own):
            super().do_HEAD()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
