"""The two environments, each one stack in an account of its own.

All that differs between them stands here, so that what was proven in dev is what prod gets.
"""

from typing import Annotated

from pydantic import Field, field_validator

from expectations.contract import FrozenModel
from infra.sagemaker import endpoint_name

# What else stands in the bucket of artefacts, beside a prefix for each endpoint.
CAPTURED, TRACKED, CODE = RESERVED = ("captured", "mlflow", "code")

Days = Annotated[int, Field(ge=1)]


class Environment(FrozenModel):
    """The settings of one stack.

    Attributes:
        name: is part of every name.
        specs: the models that run here; roles reach no endpoint, alarm or table of any other.
        cidr: addresses of the VPC, in two availability zones.
        log_days: how long log lines are kept; CloudWatch takes certain numbers only.
        captured_days: how long captured requests and answers are kept.
        superseded_days: how long an overwritten or deleted object can be brought back.
        is_retained: whether buckets, keys and the registry outlive the stack.
        emr_release: label of the EMR release.
        max_vcpus: upper limit of the Spark application, all jobs together.
        max_memory_gb: the same of its memory.
        idle_minutes: after which the Spark application stops.
        mlflow_version: of the managed server.
        mlflow_size: Small for up to 25 users, Medium for 50, Large for 100.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{1,11}$")]
    specs: Annotated[tuple[str, ...], Field(min_length=1)]
    cidr: Annotated[str, Field(pattern=r"^10\.\d+\.0\.0/16$")]
    log_days: Days
    captured_days: Days
    superseded_days: Days
    is_retained: bool
    emr_release: str
    max_vcpus: Annotated[int, Field(ge=4)]
    max_memory_gb: Annotated[int, Field(ge=16)]
    idle_minutes: Annotated[int, Field(ge=1)]
    mlflow_version: str
    mlflow_size: Annotated[str, Field(pattern="^(Small|Medium|Large)$")]

    @field_validator("specs")
    @classmethod
    def _stand_apart(cls, specs: tuple[str, ...]) -> tuple[str, ...]:
        taken = [spec for spec in specs if spec in RESERVED]
        if taken:
            raise ValueError(f"{taken[0]} is a prefix in the bucket already; rename the spec.")
        return specs

    @property
    def prefix(self) -> str:
        """Prefix of all names in this environment."""
        return f"overnight-{self.name}"

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The endpoints of the specs, as the pipeline names them."""
        return tuple(endpoint_name(spec) for spec in self.specs)


# Spark 4 is the only line of EMR whose Python workers speak the protocol of pyspark 4.
SPARK = "emr-spark-8.0.0"
MLFLOW = "3.0"

DEV = Environment(
    name="dev",
    specs=("demo",),
    cidr="10.40.0.0/16",
    log_days=30,
    captured_days=30,
    superseded_days=7,
    is_retained=False,
    emr_release=SPARK,
    max_vcpus=32,
    max_memory_gb=128,
    idle_minutes=5,
    mlflow_version=MLFLOW,
    mlflow_size="Small",
)
PROD = Environment(
    name="prod",
    specs=("demo", "handbook"),
    cidr="10.41.0.0/16",
    log_days=365,
    captured_days=400,
    superseded_days=90,
    is_retained=True,
    emr_release=SPARK,
    max_vcpus=256,
    max_memory_gb=1024,
    idle_minutes=15,
    mlflow_version=MLFLOW,
    mlflow_size="Medium",
)
ENVIRONMENTS = (DEV, PROD)
