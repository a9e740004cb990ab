"""What a month of one spec uses, in units that do not depend on a price."""

import math
from dataclasses import dataclass

from infra.costs import measured

DAYS_A_YEAR, NIGHTS_A_MONTH, HOURS_A_MONTH = 365.0, 30.4, 730.0
SECONDS_AN_HOUR, SECONDS_A_YEAR = 3_600.0, 31_536_000.0
MILLION, GIB = 1e6, 2.0**30

GIB_A_VCPU = 4.0  # of EMR Serverless' workers
ZONES, INTERFACES = 2, 11
SERVICES = 5  # Airflow's: API server, scheduler, triggerer, DAG processor, worker of deployments
SERVICE_VCPUS, SERVICE_GIB = 1.0, 4.0
INSTANCE_VCPUS, BUSY = 2, 0.5  # an instance is planned to be half busy in the busiest second
PLATFORM_BYTES = 1.5 * GIB  # a worker's own: Python, libraries, the task
KEYS, SECRETS, ALARMS = 2, 3, 5
LOG_GIB = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of an installation; what a spec declares is as in `handbook`.

    Attributes:
        transactions: a year, of which the lake holds one.
        lookback_days: how far the longest window reaches back, delays included.
        window_days: days of rows that the training set holds, all folds and the holdout included.
        max_training_rows: rows of the training set at most; a longer window is shortened.
        trials: of the search, every night.
        rebuilds: times a month that a changed declaration has all features computed anew.
        captured_days: how long captured requests are kept.
        captured_share: share of the requests that are captured.
        peak: requests of the busiest second over the mean.
        training_vcpus: of the worker that tunes and trains.
    """

    transactions: float
    lookback_days: float = 180.0
    window_days: float = 117.0
    max_training_rows: float = 100e6
    trials: int = 16
    rebuilds: float = 1.0
    captured_days: float = 90.0
    captured_share: float = 1.0
    peak: float = 5.0
    training_vcpus: float = 16.0

    @property
    def training_rows(self) -> float:
        """Rows of a training set."""
        return min(self.transactions * self.window_days / DAYS_A_YEAR, self.max_training_rows)


@dataclass(frozen=True, slots=True)
class Use:
    """A month of one driver.

    Attributes:
        driver: what it is for.
        quantity: how much of it.
        unit: of the quantity.
        price: the key of the price of one unit.
    """

    driver: str
    quantity: float
    unit: str
    price: str


def estimate(plan: Plan) -> list[Use]:
    """Everything that a month uses, fixed things first."""
    return [*_fixed(), *_storage(plan), *_spark(plan), *_training(plan), _endpoint(plan)]


def night_hours(plan: Plan) -> float:
    """How long tuning and training take in a night, all cores busy."""
    return _training_core_hours(plan) / plan.training_vcpus


def memory_gib(plan: Plan) -> float:
    """What the worker that tunes and trains needs."""
    return (PLATFORM_BYTES + plan.training_rows * measured.TRAINING_BYTES) / GIB


def instances(plan: Plan) -> int:
    """Instances of the endpoint; never fewer than one in each zone."""
    requests = plan.transactions / SECONDS_A_YEAR * plan.peak
    busy = requests * measured.REQUEST_CORE_SECONDS
    return max(ZONES, math.ceil(busy / (INSTANCE_VCPUS * BUSY)))


def _fixed() -> list[Use]:
    return [
        Use("MLflow's server", HOURS_A_MONTH, "hours", "mlflow_hour"),
        Use("network endpoints", INTERFACES * ZONES * HOURS_A_MONTH, "hours", "interface_hour"),
        Use(
            "Airflow's services", SERVICES * SERVICE_VCPUS * HOURS_A_MONTH, "vCPU hours",
            "fargate_vcpu_hour",
        ),
        Use(
            "their memory", SERVICES * SERVICE_GIB * HOURS_A_MONTH, "GiB hours", "fargate_gib_hour"
        ),
        Use("PostgreSQL", HOURS_A_MONTH, "hours", "database_hour"),
        Use("Celery's broker", HOURS_A_MONTH, "hours", "broker_hour"),
        Use("keys", KEYS, "keys", "key_month"),
        Use("secrets", SECRETS, "secrets", "secret_month"),
        Use("alarms on the endpoint", ALARMS, "alarms", "alarm_month"),
        Use("logs", LOG_GIB, "GiB", "log_gib"),
    ]  # fmt: skip


def _storage(plan: Plan) -> list[Use]:
    held = measured.TRANSACTION_BYTES + measured.LABEL_BYTES
    # Superseded parts stay, so each rebuild of a month leaves a whole copy.
    features = measured.FEATURE_BYTES * (1 + plan.rebuilds)
    lake = plan.transactions * (held + features) + plan.training_rows * measured.TRAINING_SET_BYTES
    asked = plan.transactions / DAYS_A_YEAR * plan.captured_days * plan.captured_share
    captured = asked * measured.CAPTURED_BYTES
    return [
        Use("the lake", lake / GIB, "GiB", "storage_gib_month"),
        Use("captured requests", captured / GIB, "GiB", "storage_gib_month"),
    ]


def _spark(plan: Plan) -> list[Use]:
    nightly = plan.transactions * min(1.0, (plan.lookback_days + 1) / DAYS_A_YEAR)
    rows = NIGHTS_A_MONTH * nightly + plan.rebuilds * plan.transactions
    hours = rows / MILLION * measured.FEATURE_CORE_SECONDS / SECONDS_AN_HOUR
    return [
        Use("features", hours, "vCPU hours", "emr_vcpu_hour"),
        Use("their memory", hours * GIB_A_VCPU, "GiB hours", "emr_gib_hour"),
    ]


def _training(plan: Plan) -> list[Use]:
    hours = NIGHTS_A_MONTH * _training_core_hours(plan)
    busy = NIGHTS_A_MONTH * night_hours(plan)
    return [
        Use("tuning and training", hours, "vCPU hours", "fargate_vcpu_hour"),
        Use("their memory", busy * memory_gib(plan), "GiB hours", "fargate_gib_hour"),
    ]


def _training_core_hours(plan: Plan) -> float:
    seconds = plan.trials * measured.TRIAL_CORE_SECONDS + measured.FIT_CORE_SECONDS
    return plan.training_rows / MILLION * seconds / SECONDS_AN_HOUR


def _endpoint(plan: Plan) -> Use:
    return Use(
        "the endpoint", instances(plan) * HOURS_A_MONTH, "instance hours", "endpoint_instance_hour"
    )
