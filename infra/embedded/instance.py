"""One container: a `serve` process with its socket, its log, and whoever restarts it.

The server holds the listening socket, the process inherits it. So no port is guessed, and when
a process crashes, new connections wait in the socket until its successor accepts them.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
PATIENCE_SECONDS = 120.0
DRAIN_SECONDS = 25.0
LOG_LINES = 8
MAX_BACKOFF_SECONDS = 5.0


class StartError(Exception):
    """A container that ended, or did not answer /ping in time; holds its last log lines."""


class Instance:
    """A serving process for one artefact.

    Attributes:
        address: where it answers.
        in_flight: invocations that were begun and not answered.
        crashes: how often it ended without being told to.
    """

    def __init__(self, model: Path, *, log_file: Path, http: aiohttp.ClientSession) -> None:
        self._model = model
        self._log_file = log_file
        self._http = http
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._is_stopping = False
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.in_flight = 0
        self.crashes = 0

    async def start(self) -> None:
        """Start the process and wait until it is healthy.

        Raises:
            StartError: when it ends first, or takes longer than SageMaker would wait.
        """
        await self._spawn()
        await self._wait_until_healthy()
        self._keeper = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """Finish what is in flight, then end the process; safe to call at any time."""
        self._is_stopping = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self.in_flight:
                    await asyncio.sleep(POLL_SECONDS)
        await self._end()
        self._listener.close()

    async def _spawn(self) -> None:
        descriptor = self._listener.fileno()
        leash = [sys.executable, "-m", "infra.embedded.leash", str(os.getpid())]
        serve = [sys.executable, "-m", "infra.serving", "serve", "--fd", str(descriptor)]
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *leash,
                *serve,
                env=os.environ | {"SM_MODEL_DIR": str(self._model)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[descriptor],
                # Ctrl-C in a terminal is for the server, which stops its instances in order.
                start_new_session=True,
            )

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
        """Ask /ping; a process that is still loading leaves the question in its socket."""
        try:
            limit = aiohttp.ClientTimeout(total=1)
            async with self._http.get(f"{self.address}/ping", timeout=limit) as answer:
                return answer.ok
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def _keep_running(self) -> None:
        backoff = POLL_SECONDS
        while True:
            code = await self._running().wait()
            self.crashes += 1
            log.warning("%s ended with %d; starting it again", self.address, code)
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, MAX_BACKOFF_SECONDS)
            await self._spawn()

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), DRAIN_SECONDS)
        except TimeoutError:
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
