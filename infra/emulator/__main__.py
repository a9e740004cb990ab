"""Runs the embedded SageMaker and moto until SIGTERM or SIGINT.

`python -m infra.emulator --home DIR --port N --aws-port M [--time-scale 0.05]`
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from expectations.contract import InputError
from infra.emulator.artifacts import Artifacts
from infra.emulator.aws import Aws
from infra.emulator.cloudwatch import AlarmFile, Alarms, Metrics
from infra.emulator.endpoints.captures import Captures
from infra.emulator.faults import Faults
from infra.emulator.host import Host
from infra.emulator.http import Listener
from infra.emulator.instances import Runtime, choose_runtime
from infra.emulator.operations import ControlPlane
from infra.emulator.protocol import CallLog
from infra.emulator.resources import Resources
from infra.emulator.server import Server
from infra.files import close_umask
from infra.processes import hold, refuse_taken_ports

log = logging.getLogger("infra.emulator")

MIN_STEP_SECONDS = 0.1
MIN_CAPTURE_SECONDS = 0.5


def main(arguments: list[str]) -> int:
    """Serve until a signal to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.emulator", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder of state, models, logs")
    parser.add_argument("--port", type=int, required=True, help="where SageMaker listens")
    parser.add_argument("--aws-port", type=int, required=True, help="where all other AWS listens")
    parser.add_argument(
        "--time-scale", type=float, default=1.0, help="length here of a second of a deployment"
    )
    options = parser.parse_args(arguments)
    close_umask()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for noisy in ("werkzeug", "botocore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        with hold(options.home, holder="An embedded SageMaker"):
            refuse_taken_ports(
                {"OVERNIGHT_SAGEMAKER_PORT": options.port, "OVERNIGHT_AWS_PORT": options.aws_port}
            )
            runtime = choose_runtime(os.environ, home=options.home / "images")
            asyncio.run(
                serve(options.home, options.port, options.aws_port, options.time_scale, runtime)
            )
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


async def serve(home: Path, port: int, aws_port: int, time_scale: float, runtime: Runtime) -> None:
    """Serve both addresses until SIGTERM or SIGINT; then stop every process and return."""
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    aws = Aws(aws_port)
    host = build_host(home, aws, runtime, time_scale=time_scale)
    alarms = AlarmFile(home / "alarms.json", aws_port=aws_port)
    aws.start(faults=host.faults, calls=host.calls, after=alarms.save_after)
    plane = ControlPlane(host)
    server = Server(plane, host)
    listener = Listener(server.handle)
    work = [
        host.alarms.keep_evaluating(every_seconds=min(1.0, max(MIN_STEP_SECONDS, time_scale))),
        host.captures.keep_writing(every_seconds=max(MIN_CAPTURE_SECONDS, 60 * time_scale)),
    ]
    try:
        await asyncio.to_thread(alarms.restore)
        await asyncio.to_thread(host.captures.restore)
        await listener.start(port)
        tasks = [asyncio.create_task(each) for each in (server.restore(), *work)]
        await stopping.wait()
        log.info("Stopping")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        # What hangs by a fault would be waited for.
        host.faults.clear()
        await listener.stop()
        await plane.stop()
        await host.captures.write()
        aws.stop()


def build_host(home: Path, aws: Aws, runtime: Runtime, *, time_scale: float) -> Host:
    """Build the state that all endpoints share, with its files below a home."""
    faults = Faults()
    metrics = Metrics(step_seconds=min(1.0, max(MIN_STEP_SECONDS / 2, time_scale)))
    return Host(
        resources=Resources(home / "state.json"),
        artifacts=Artifacts(home / "artifacts", aws),
        runtime=runtime,
        logs=home / "logs",
        faults=faults,
        calls=CallLog(),
        metrics=metrics,
        alarms=Alarms(metrics, faults, time_scale=time_scale),
        captures=Captures(home / "captures", aws),
        time_scale=time_scale,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
