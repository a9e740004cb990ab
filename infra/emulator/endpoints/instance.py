"""One container: a `serve` process with its socket and log, restarted when it crashes.

The server holds the listening socket, the process inherits it. So no port is guessed, and when
a process crashes, new connections wait in the socket until its successor accepts them.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path

from infra.emulator.cloudwatch import Sample, read_line
from infra.emulator.http import Answer, Channel, Done
from infra.emulator.instances import Runtime

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
PATIENCE_SECONDS = 120.0
DRAIN_SECONDS = 25.0
LOG_LINES = 8
MAX_BACKOFF_SECONDS = 5.0
STEADY_SECONDS = 60.0
INVOKE_SECONDS = 60.0
PING_SECONDS = 1.0
MAX_LINE_BYTES = 1024 * 1024
PING = b"GET /ping HTTP/1.1\r\nHost: container\r\n\r\n"


class StartError(Exception):
    """A container that ended, or did not answer /ping in time; holds its last log lines."""


class Instance:
    """A serving process for one artefact.

    Attributes:
        port: where it answers on the loopback address.
        in_flight: invocations that were begun and not answered.
        crashes: number of unexpected exits.
    """

    def __init__(
        self,
        model: Path,
        *,
        runtime: Runtime,
        environment: Mapping[str, str],
        log_file: Path,
        on_samples: Callable[[Sequence[Sample]], None],
    ) -> None:
        """Prepare a process.

        Args:
            model: folder of the unpacked artefact.
            runtime: how it is started.
            environment: what the model and the platform set for the container.
            log_file: where its output goes.
            on_samples: called with the metrics that it writes to its standard output.
        """
        self._model = model
        self._runtime = runtime
        self._environment = environment
        self._log_file = log_file
        self._on_samples = on_samples
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self.port = int(self._listener.getsockname()[1])
        self._channel = Channel(self.port)
        self.in_flight = 0
        self.crashes = 0

    def invoke(self, head: bytes, body: bytes, done: Done) -> None:
        """Send an invocation; `done` is called with the answer, a 503 when there is none."""
        self.in_flight += 1

        def land(answer: Answer) -> None:
            self.in_flight -= 1
            done(answer)

        self._channel.ask(head, body, land, seconds=INVOKE_SECONDS)

    async def start(self) -> None:
        """Start the process and wait until it is healthy.

        Raises:
            StartError: when it ends first, or takes longer than SageMaker would wait.
        """
        await self._spawn()
        await self._wait_until_healthy()
        self._keeper = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """Finish requests in flight, then end the process; safe to call at any time."""
        # Kept running meanwhile: what waits for a crashed container is answered by the next.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self.in_flight:
                    await asyncio.sleep(POLL_SECONDS)
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._channel.close()
        await self._end()
        if self._reader is not None:
            await self._reader
        self._listener.close()

    def kill(self) -> None:
        """End the process without a warning, as a crash would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._running().pid, signal.SIGKILL)

    async def _spawn(self) -> None:
        descriptor = self._listener.fileno()
        launch = self._runtime.launch(
            self._model, descriptor=descriptor, environment=self._environment
        )
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *launch.command,
                env=launch.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
                pass_fds=[descriptor],
                # Ctrl-C in a terminal is for the server, which stops its instances in order.
                start_new_session=True,
                limit=MAX_LINE_BYTES,
            )
        self._reader = asyncio.create_task(self._read_output(self._process))

    async def _read_output(self, process: asyncio.subprocess.Process) -> None:
        """Read metrics from the standard output; other lines go to the log."""
        lines = process.stdout
        if lines is None:
            return
        while True:
            try:
                line = await lines.readline()
            except ValueError:
                # Longer than any line of metrics; the stream has dropped it.
                continue
            if not line:
                return
            samples = read_line(line)
            if samples is not None:
                self._on_samples(samples)
                continue
            with self._log_file.open("ab") as output:
                output.write(line)

    async def _wait_until_healthy(self) -> None:
        process = self._running()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await self._is_healthy():
                    if process.returncode is not None:
                        raise StartError(f"The container ended. {self._last_lines()}")
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise StartError(
                f"The container did not pass its health check in {PATIENCE_SECONDS:.0f} s. "
                f"{self._last_lines()}"
            ) from None

    async def _is_healthy(self) -> bool:
        """Request /ping; while the process loads, the request waits in its socket."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._channel.ask(PING, b"", answer.set_result, seconds=PING_SECONDS)
        return (await answer).status == HTTPStatus.OK

    async def _keep_running(self) -> None:
        backoff = POLL_SECONDS
        while True:
            began = time.monotonic()
            code = await self._running().wait()
            self.crashes += 1
            if time.monotonic() - began > STEADY_SECONDS:
                backoff = POLL_SECONDS
            log.warning(
                "The container at port %d ended with %d; starting it again", self.port, code
            )
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, MAX_BACKOFF_SECONDS)
            await self._spawn()

    async def _end(self) -> None:
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), DRAIN_SECONDS)
        # Workers outlive a killed parent until they have finished; by now there is nothing begun.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("The instance was not started.")
        return self._process

    def _last_lines(self) -> str:
        lines = self._log_file.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return f"The last lines of {self._log_file.name}: " + " | ".join(lines)
