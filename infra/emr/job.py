"""The request to EMR Serverless for one Spark job, with the sizes of its machines."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from expectations.contract import FrozenModel

# What a machine of so many vCPU may hold, in GB (EMR Serverless, worker configurations).
MEMORY_GB = {1: (2, 8), 2: (4, 16), 4: (8, 30), 8: (16, 60), 16: (32, 120)}
NUMBER = re.compile(r"[0-9a-z]{1,64}")
URL = re.compile(r"s3://[a-z0-9.-]{3,63}/.+")
ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/.+")


def _spelled(pattern: re.Pattern[str], otherwise: str) -> AfterValidator:
    """Build a validator: the whole text matches a pattern, else the error says `otherwise`."""

    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(f"{value!r} {otherwise}")
        return value

    return AfterValidator(check)


class Application(FrozenModel):
    """The EMR Serverless application and machine sizes for all jobs of an installation.

    Attributes:
        id: of the application.
        role: ARN of the role that a job runs under.
        archive: URL of the Python environment that `make dist` packs.
        vcpus: of the driver and of each executor.
        memory_gb: the same; half of it is for Python, which computes outside the Java heap.
        max_executors: how many a job may have at most.
        max_minutes: after which AWS ends a job.
    """

    id: Annotated[str, _spelled(NUMBER, "is not an id, such as 00f1abcd2345ef09")]
    role: Annotated[str, _spelled(ROLE, "is not the ARN of a role; the stack prints it")]
    archive: Annotated[str, _spelled(URL, "is not an s3:// URL; upload dist/environment.tar.gz")]
    vcpus: int = 4
    # Checked where it is not given too: the default is none for every number of vCPU.
    memory_gb: int = Field(16, validate_default=True)
    max_executors: int = Field(10, ge=1)
    max_minutes: int = Field(720, ge=5)

    @field_validator("vcpus")
    @classmethod
    def _check_vcpus(cls, value: int) -> int:
        if value not in MEMORY_GB:
            raise ValueError(f"{value} is none of {', '.join(map(str, MEMORY_GB))}")
        return value

    @field_validator("memory_gb")
    @classmethod
    def _check_memory(cls, value: int, info: ValidationInfo) -> int:
        vcpus = info.data.get("vcpus")  # absent where it is wrong itself
        if vcpus is not None:
            least, most = MEMORY_GB[vcpus]
            if not least <= value <= most:
                raise ValueError(
                    f"{value} is not from {least} to {most}, which {vcpus} vCPU may have"
                )
        return value


@dataclass(frozen=True, slots=True)
class Job:
    """A program for Spark.

    Attributes:
        name: of the job run; the same for the same work, and for nothing else.
        entry: URL of the Python file.
        arguments: what it is given.
        unpacked: the folder that it finds the application's archive in.
    """

    name: str
    entry: str
    arguments: tuple[str, ...]
    unpacked: str


def spark_options(application: Application, *, unpacked: str) -> Mapping[str, str]:
    """Return Spark's settings for driver and executors; the archive is unpacked at `unpacked`."""
    python = f"./{unpacked}/bin/python"
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
        "spark.archives": f"{application.archive}#{unpacked}",
        "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON": python,
        "spark.emr-serverless.driverEnv.PYSPARK_PYTHON": python,
        "spark.executorEnv.PYSPARK_PYTHON": python,
        "spark.dynamicAllocation.maxExecutors": str(application.max_executors),
        **sizes,
    }
