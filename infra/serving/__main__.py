"""The container's entry point: `python -m infra.serving serve`.

SageMaker starts the image with the one argument `serve`. The embedded server starts the same
command, with a socket that it has bound already, so that no port is ever guessed.
"""

import argparse
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path

log = logging.getLogger("infra.serving")

DRAIN_SECONDS = 20
KEEP_ALIVE_SECONDS = 75


def main(arguments: list[str]) -> None:
    """Load the bundle, check it, serve until SIGTERM; then finish what was begun."""
    parser = argparse.ArgumentParser(prog="serve", description=__doc__)
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("--fd", type=int, help="a bound socket inherited from the starter")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # LightGBM's OpenMP reads this when its library is opened: one thread per worker.
    os.environ["OMP_NUM_THREADS"] = "1"
    from infra.serving.bundle import BundleError

    try:
        serve(Path(os.environ.get("SM_MODEL_DIR", "/opt/ml/model")), _open_socket(options.fd))
    except BundleError as error:
        sys.exit(f"Cannot serve: {error}")


def serve(folder: Path, listener: socket.socket) -> None:
    """Serve the bundle in a folder on a socket, until SIGTERM or SIGINT.

    Raises:
        BundleError: when the bundle is not whole or scores otherwise than in training.
    """
    import uvicorn

    from infra.serving.application import Application
    from infra.serving.scorer import load_scorer

    began = time.monotonic()
    scorer = load_scorer(folder)
    log.info(
        "Loaded %s %s: %d features, %d golden vectors agree, %.2f s",
        scorer.bundle.name,
        scorer.bundle.digest[:12],
        len(scorer.bundle.features),
        len(scorer.bundle.golden),
        time.monotonic() - began,
    )
    config = uvicorn.Config(
        Application(scorer),
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    # uvicorn drains on these, then raises them again; to end by request is a success here.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listener])


def _open_socket(descriptor: int | None) -> socket.socket:
    if descriptor is not None:
        return socket.socket(fileno=descriptor)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # SageMaker reaches the container from outside of it.
    listener.bind(("0.0.0.0", int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))))  # noqa: S104
    return listener


if __name__ == "__main__":
    main(sys.argv[1:])
