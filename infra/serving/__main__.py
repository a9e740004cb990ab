"""The container's entry point: `python -m infra.serving serve`.

SageMaker starts the image with the one argument `serve`. The embedded server starts the same
command, with a socket that it has bound already, so that no port is ever guessed.
"""

import argparse
import logging
import os
import socket
import sys
import time

log = logging.getLogger("infra.serving")


def main(arguments: list[str]) -> None:
    """Load the bundle, check it, serve until SIGTERM; then finish what was begun."""
    parser = argparse.ArgumentParser(prog="serve", description=__doc__)
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("--fd", type=int, help="a bound socket inherited from the starter")
    options = parser.parse_args(arguments)
    # Standard output is for metrics alone.
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    # LightGBM's OpenMP reads this when its library is opened: one thread per worker.
    os.environ["OMP_NUM_THREADS"] = "1"
    from infra.serving.http.settings import SettingsError
    from infra.serving.http.supervisor import PreforkError
    from infra.serving.model import BundleError

    try:
        serve(options.fd)
    except (BundleError, PreforkError, SettingsError) as error:
        sys.exit(f"Cannot serve: {error}")


def serve(descriptor: int | None) -> None:
    """Serve the bundle until SIGTERM or SIGINT.

    Args:
        descriptor: of a bound socket; None binds the port of the settings.

    Raises:
        SettingsError: when a variable cannot be read.
        BundleError: when the bundle is not whole or scores otherwise than in training.
        PreforkError: when workers die as soon as they start.
    """
    from infra.serving.http.settings import read_settings
    from infra.serving.http.supervisor import PreforkSupervisor
    from infra.serving.model import load_scorer, try_apart

    settings = read_settings(os.environ)
    listener = _bind(settings.port) if descriptor is None else socket.socket(fileno=descriptor)
    began = time.monotonic()
    try_apart(lambda: load_scorer(settings.model, settings.digest).explain_golden())
    scorer = load_scorer(settings.model, settings.digest)
    log.info(
        "Loaded %s %s: %d features, %d golden vectors agree, %.2f s; %d workers",
        scorer.bundle.name,
        scorer.bundle.digest[:12],
        len(scorer.bundle.features),
        len(scorer.bundle.golden),
        time.monotonic() - began,
        settings.workers,
    )
    PreforkSupervisor(scorer, settings, listener).run()


def _bind(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # SageMaker reaches the container from outside of it.
    listener.bind(("0.0.0.0", port))  # noqa: S104
    return listener


if __name__ == "__main__":
    main(sys.argv[1:])
