"""One job run: fetches entry point and archive from S3, runs `spark-submit`, keeps its output."""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from infra.emulator.instances import FROM_MACHINE
from infra.emulator.protocol import Content, invalid

DRIVER = "spark.emr-serverless.driverEnv."
ARCHIVES = "spark.archives"
# What only EMR gives a meaning to, or what a machine of two cores cannot give.
IGNORED = ("spark.emr-serverless.", "spark.executorEnv.", "spark.dynamicAllocation.")
SIZES = tuple(
    f"spark.{role}.{key}"
    for role in ("driver", "executor")
    for key in ("cores", "memory", "memoryOverhead")
)
TAIL_BYTES = 600
# What a job finds of this process's environment: the machine's, and in place of its role's the
# credentials and addresses of AWS.
INHERITED = (
    *(name for name in FROM_MACHINE if name != "PYTHONPATH"),
    "HOME", "JAVA_HOME", "SPARK_HOME",
    "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
    "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
)  # fmt: skip


class JobRun:
    """A run and its state, as AWS describes it."""

    def __init__(self, number: str, request: Content, *, folder: Path, master: str) -> None:
        self.number, self.request, self.created = number, request, time.time()
        self.state, self.details, self.updated = "SUBMITTED", "", self.created
        self._folder, self._master = folder, master
        self._passing = [folder / "spill"]  # what is of no use after the end
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._work, daemon=True).start()

    def cancel(self) -> None:
        """Cancel the run and end its processes."""
        with self._lock:
            if self.state in ("SUCCESS", "FAILED", "CANCELLED"):
                raise invalid(f"Job run {self.number} is {self.state} and cannot be cancelled.")
            self._become("CANCELLING")
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()  # the supervisor ends the whole family

    def _work(self) -> None:
        try:
            with self._lock:
                if self.state == "SUBMITTED":
                    self._become("SCHEDULED")
            command, environment = self._prepare()
            with self._lock, (self._folder / "stdout").open("wb") as output:
                if self.state == "CANCELLING":
                    self._become("CANCELLED")
                    return
                self._process = subprocess.Popen(  # noqa: S603 -- the supervisor, and Spark
                    [sys.executable, "-m", "infra.processes.supervisor", *command],
                    cwd=self._folder,
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
                self._become("RUNNING")
            self._end_with(self._process.wait())
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is the run's end
            self._end("FAILED", f"Job execution failed: {error}")

    def _end_with(self, code: int) -> None:
        if code == 0:
            self._end("SUCCESS")
            return
        said = (self._folder / "stdout").read_bytes()[-TAIL_BYTES:].decode(errors="replace")
        last = said.strip().splitlines()[-1:] or ["nothing"]
        self._end("FAILED", f"Job failed with exit code {code}. It said: {last[0]}")

    def _end(self, state: str, details: str = "") -> None:
        """Set the final state; a cancelled run stays CANCELLED however it ended."""
        with self._lock:
            if self.state == "CANCELLING":
                state, details = "CANCELLED", "Cancelled by the user"
            self._become(state, details)

    def _prepare(self) -> tuple[list[str], dict[str, str]]:
        """Prepare a folder with the files of the run and return its command."""
        driver = self.request["jobDriver"]["sparkSubmit"]
        options = read_options(driver.get("sparkSubmitParameters", ""))
        entry = self._folder / "entry.py"
        entry.write_bytes(fetch(driver["entryPoint"]))
        self._unpack(options.pop(ARCHIVES, ""))
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment["SPARK_LOCAL_DIRS"] = str(self._folder / "spill")
        for name, value in options.items():
            if name.startswith(DRIVER):
                environment[name.removeprefix(DRIVER)] = value
        kept = {
            name: value
            for name, value in options.items()
            if not name.startswith(IGNORED) and name not in SIZES
        }
        confs = [word for name, value in kept.items() for word in ("--conf", f"{name}={value}")]
        program = Path(environment["SPARK_HOME"]) / "bin/spark-submit"
        arguments = driver.get("entryPointArguments", [])
        return (
            [str(program), "--master", self._master, *confs, str(entry), *arguments],
            environment,
        )

    def _unpack(self, archive: str) -> None:
        address, _, name = archive.partition("#")
        if not address:
            return
        packed = self._folder / "archive.tar.gz"
        packed.write_bytes(fetch(address))
        unpacked = self._folder / (name or Path(address).name)
        self._passing.append(unpacked)
        with tarfile.open(packed) as tar:
            tar.extractall(unpacked, filter="data")
        packed.unlink()

    def _become(self, state: str, details: str = "") -> None:
        self.state, self.details, self.updated = state, details, time.time()
        if state in ("SUCCESS", "FAILED", "CANCELLED"):
            for left in self._passing:
                with contextlib.suppress(OSError):
                    shutil.rmtree(left)


def read_options(text: str) -> dict[str, str]:
    """Return the `--conf` options of Spark's parameters.

    Raises:
        ServiceError: when there is anything else among them.
    """
    words = shlex.split(text)
    if words[::2] != ["--conf"] * (len(words) // 2) or len(words) % 2:
        raise invalid(f"The parameters are not pairs of --conf and key=value: {text}")
    pairs = (word.partition("=") for word in words[1::2])
    return {name: value for name, _, value in pairs}


def fetch(address: str) -> bytes:
    """Return an object of S3."""
    parts = urlsplit(address)
    found: Mapping[str, Any] = boto3.client("s3").get_object(
        Bucket=parts.netloc, Key=parts.path.lstrip("/")
    )
    return bytes(found["Body"].read())
