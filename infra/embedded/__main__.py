"""Runs the embedded SageMaker and moto until SIGTERM or SIGINT.

`python -m infra.embedded --home DIR --port N --aws-port M [--time-scale 0.05]`
"""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

import aiohttp
from aiohttp import web

from expectations.contract import InputError
from infra.embedded.artifacts import Artifacts
from infra.embedded.aws import Aws
from infra.embedded.host import Host
from infra.embedded.operations import ControlPlane
from infra.embedded.resources import Resources
from infra.embedded.server import Server
from infra.processes import refuse_taken_ports

log = logging.getLogger("infra.embedded")

# Below the 75 s after which the container closes an idle connection: never reuse a closed one.
KEEP_ALIVE_SECONDS = 30


def main(arguments: list[str]) -> int:
    """Serve until told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.embedded", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder of state, models, logs")
    parser.add_argument("--port", type=int, required=True, help="where SageMaker listens")
    parser.add_argument("--aws-port", type=int, required=True, help="where all other AWS listens")
    parser.add_argument(
        "--time-scale", type=float, default=1.0, help="length here of a second of a deployment"
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for noisy in ("werkzeug", "aiohttp.access", "botocore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        refuse_taken_ports(
            {"OVERNIGHT_SAGEMAKER_PORT": options.port, "OVERNIGHT_AWS_PORT": options.aws_port}
        )
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    asyncio.run(serve(options.home, options.port, options.aws_port, options.time_scale))
    return 0


async def serve(home: Path, port: int, aws_port: int, time_scale: float) -> None:
    """Serve both addresses until SIGTERM or SIGINT; then stop every process and return."""
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    aws = Aws(aws_port)
    aws.start()
    # Connections to containers are theirs to limit, not ours.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS)
    async with aiohttp.ClientSession(connector=connector) as http:
        host = Host(
            resources=Resources(home / "state.json"),
            artifacts=Artifacts(home / "artifacts", aws),
            logs=home / "logs",
            aws=aws,
            http=http,
            time_scale=time_scale,
        )
        plane = ControlPlane(host)
        server = Server(plane, http)
        runner = web.AppRunner(server.build(), access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            await _until(stopping, server)
        finally:
            await runner.cleanup()
            await plane.stop()
            aws.stop()


async def _until(stopping: asyncio.Event, server: Server) -> None:
    restoring = asyncio.create_task(server.restore())
    await stopping.wait()
    log.info("Stopping")
    restoring.cancel()
    await asyncio.gather(restoring, return_exceptions=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
