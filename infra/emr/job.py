"""What is asked of EMR Serverless: one Spark job, and how large its machines are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

UNPACKED = "environment"  # the folder that the archive is unpacked into
PYTHON = f"./{UNPACKED}/bin/python"
# What a machine of so many vCPU may hold, in GB (EMR Serverless, worker configurations).
MEMORY_GB = {1: (2, 8), 2: (4, 16), 4: (8, 30), 8: (16, 60), 16: (32, 120)}
URL = re.compile(r"s3://[a-z0-9.-]{3,63}/.+")
ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/.+")


@dataclass(frozen=True, slots=True)
class Application:
    """Where jobs run and what they get; one for all jobs of an installation.

    Attributes:
        id: of the application.
        role: ARN of the role that a job runs under.
        archive: URL of the Python environment that `make dist` packs.
        vcpus: of the driver and of each executor.
        memory_gb: the same; half of it is for Python, which computes outside the Java heap.
        max_executors: how many a job may have at most.
        max_minutes: after which AWS ends a job.
    """

    id: str
    role: str
    archive: str
    vcpus: int = 4
    memory_gb: int = 16
    max_executors: int = 10
    max_minutes: int = 720

    def problems(self) -> list[str]:
        """Everything that AWS would refuse, each with the key it is set by."""
        found = []
        if not re.fullmatch(r"[0-9a-z]{1,64}", self.id):
            found.append(f"application: {self.id!r} is not an id, such as 00f1abcd2345ef09")
        if not ROLE.fullmatch(self.role):
            found.append(f"role: {self.role!r} is not the ARN of a role; the stack prints it")
        if not URL.fullmatch(self.archive):
            found.append(
                f"archive: {self.archive!r} is not an s3:// URL; upload dist/environment.tar.gz"
            )
        if self.vcpus not in MEMORY_GB:
            found.append(f"vcpus: {self.vcpus} is none of {', '.join(map(str, MEMORY_GB))}")
        else:
            least, most = MEMORY_GB[self.vcpus]
            if not least <= self.memory_gb <= most:
                found.append(
                    f"memory_gb: {self.memory_gb} is not from {least} to {most}, which "
                    f"{self.vcpus} vCPU may have"
                )
        found += [
            f"{name}: {value} is below {least}"
            for name, value, least in (
                ("max_executors", self.max_executors, 1), ("max_minutes", self.max_minutes, 5),
            )
            if value < least
        ]  # fmt: skip
        return found


@dataclass(frozen=True, slots=True)
class Job:
    """A program for Spark.

    Attributes:
        name: of the job run; the same for the same work, and for nothing else.
        entry: URL of the Python file.
        arguments: what it is given.
    """

    name: str
    entry: str
    arguments: tuple[str, ...]


def spark_options(application: Application) -> Mapping[str, str]:
    """The configuration of a job's driver and executors."""
    heap_gb = application.memory_gb // 2
    sizes = {
        f"spark.{role}.{key}": value
        for role in ("driver", "executor")
        for key, value in (
            ("cores", str(application.vcpus)),
            ("memory", f"{heap_gb}g"),
            ("memoryOverhead", f"{application.memory_gb - heap_gb}g"),
        )
    }
    return {
        "spark.archives": f"{application.archive}#{UNPACKED}",
        "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON": PYTHON,
        "spark.emr-serverless.driverEnv.PYSPARK_PYTHON": PYTHON,
        "spark.executorEnv.PYSPARK_PYTHON": PYTHON,
        "spark.dynamicAllocation.maxExecutors": str(application.max_executors),
        **sizes,
    }
