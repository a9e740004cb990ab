"""Every `OVERNIGHT_*` variable of the environment: its type, its default, its meaning.

The reference in `docs/` is made from this table, and a test compares it with the code that reads
the variables. Those of Airflow, MLflow, boto3 and Spark are in the manuals of their makers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "folder", "file", "folder or s3:// URL", "address", "URL", "database URL", "port",
    "whole number", "number", "text", "list of names", "size", "JSON", "ARN",
]  # fmt: skip
UNSET = "none"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable.

    Attributes:
        name: in the environment.
        kind: type of its value.
        default: where it is not set; `none` where nothing takes its place.
        meaning: half a sentence.
    """

    name: str
    kind: Kind
    default: str
    meaning: str


_INSTALLATION = (
    Variable("OVERNIGHT_HOME", "folder", "var", "of everything that the embedded defaults keep"),
    Variable(
        "OVERNIGHT_LAKE", "folder or s3:// URL", "$OVERNIGHT_HOME/lake", "where the tables are"
    ),
    Variable(
        "OVERNIGHT_STUDIES", "database URL", "sqlite:///$OVERNIGHT_HOME/studies.db",
        "of the Optuna studies: SQLite or PostgreSQL",
    ),
    Variable(
        "OVERNIGHT_SPECS", "folder", UNSET,
        "with further specs; one takes the place of a spec of `pipelines` with its name",
    ),
    Variable(
        "OVERNIGHT_HANDBOOK", "file", "../shared/handbook/transactions.parquet",
        "Parquet file of the Fraud Detection Handbook, which the spec `handbook` reads",
    ),
    Variable(
        "OVERNIGHT_PUBLIC", "list of names", "OVERNIGHT_HOME,OVERNIGHT_HANDBOOK",
        "variables that `[source] path` and `[labels] path` may name as `${NAME}`",
    ),
    Variable(
        "OVERNIGHT_CONNECTION_NAME", "database URL", UNSET,
        "of the database that a spec names as `connection`, for each such name in capitals "
        "instead of `NAME`: PostgreSQL or SQLite, password included",
    ),
    Variable(
        "OVERNIGHT_DOCS_URL", "URL", "http://127.0.0.1:$OVERNIGHT_DOCS_PORT",
        "where the Data Docs are served, for the links to them",
    ),
    Variable(
        "OVERNIGHT_MEMORY", "size", "2GiB",
        "how much of its data a step may hold; delivered rows beyond a quarter of it go to disk",
    ),
    Variable(
        "OVERNIGHT_AWS_SECONDS", "number", "20", "how many seconds AWS may take for one answer"
    ),
)  # fmt: skip
_PORTS = (
    Variable("OVERNIGHT_AIRFLOW_PORT", "port", "8080", "of Airflow's pages"),
    Variable("OVERNIGHT_MLFLOW_PORT", "port", "5000", "of the MLflow server"),
    Variable("OVERNIGHT_SAGEMAKER_PORT", "port", "8768", "of the embedded SageMaker"),
    Variable("OVERNIGHT_AWS_PORT", "port", "8769", "of moto, for all other services of AWS"),
    Variable("OVERNIGHT_DOCS_PORT", "port", "8770", "of the Data Docs"),
)
_SPARK = (
    Variable(
        "OVERNIGHT_SPARK", "address", "local[*]",
        "where features are computed: `local[N]`, `spark://host:port` or "
        "`emr-serverless://APPLICATION`",
    ),
    Variable(
        "OVERNIGHT_SPARK_FROM_ROWS", "whole number", "1000000; with `local[N]` never",
        "from how many new rows on `ingest` reads and files them as a Spark job; 0: always",
    ),
    Variable(
        "OVERNIGHT_SPARK_ARCHIVE", "address", UNSET,
        "of the Python environment of the workers, which `make dist` packs: path or http URL for a "
        "Spark master, `s3://` URL for EMR Serverless",
    ),
    Variable("OVERNIGHT_SPARK_ROLE", "ARN", UNSET, "role of the jobs of EMR Serverless"),
    Variable("OVERNIGHT_SPARK_VCPUS", "whole number", "4", "of the driver and of each executor"),
    Variable("OVERNIGHT_SPARK_MEMORY_GB", "whole number", "16", "of the driver and each executor"),
    Variable("OVERNIGHT_SPARK_MAX_EXECUTORS", "whole number", "10", "of one job"),
    Variable("OVERNIGHT_SPARK_MAX_MINUTES", "whole number", "720", "after which AWS ends a job"),
)  # fmt: skip
_PEOPLE = (
    Variable(
        "OVERNIGHT_ROLES", "file", UNSET,
        "TOML file of names by role; with it people sign in to the MLflow server",
    ),
    Variable(
        "OVERNIGHT_MLFLOW_USERS", "database URL", "sqlite:///$OVERNIGHT_HOME/mlflow-users.db",
        "of the users of the MLflow server",
    ),
    Variable(
        "OVERNIGHT_AIRFLOW_USERNAME", "text", UNSET,
        "user under whom `overnight status` asks Airflow for the last run",
    ),
    Variable("OVERNIGHT_AIRFLOW_PASSWORD", "text", UNSET, "of that user"),
    Variable(
        "OVERNIGHT_NOTIFIERS", "JSON", UNSET,
        "list of Airflow's notifiers that tell people of a failure",
    ),
    Variable("OVERNIGHT_NIGHTLY_QUEUE", "text", UNSET, "Celery queue of the nightly steps"),
    Variable("OVERNIGHT_DEPLOY_QUEUE", "text", UNSET, "Celery queue of the deployment steps"),
    Variable("OVERNIGHT_REVIEW_QUEUE", "text", UNSET, "Celery queue of the questions to reviewers"),
)  # fmt: skip
_SERVING = (
    Variable(
        "OVERNIGHT_SERVING", "text", "process",
        "how the embedded SageMaker starts a model: `process`, or `image:NAME` for an image of "
        "`make image TAG=NAME`",
    ),
    Variable(
        "OVERNIGHT_ENDPOINT", "text", UNSET,
        "name of the endpoint, in the container; without it no metrics are written",
    ),
    Variable("OVERNIGHT_MODEL_VERSION", "text", UNSET, "number in the registry, in the container"),
    Variable(
        "OVERNIGHT_MODEL_DIGEST", "text", UNSET,
        "digest of the bundle, in the container, which refuses another one",
    ),
    Variable(
        "OVERNIGHT_WORKERS", "whole number", "usable cores", "processes of a container that score"
    ),
    Variable(
        "OVERNIGHT_METRICS_SECONDS", "number", "60", "between two writings of a container's metrics"
    ),
    Variable("OVERNIGHT_CAPTURE", "folder", UNSET, "where a container keeps requests and answers"),
)  # fmt: skip

VARIABLE_GROUPS: Mapping[str, tuple[Variable, ...]] = {
    "The installation": _INSTALLATION,
    "Ports on the loopback address": _PORTS,
    "Spark": _SPARK,
    "People and Airflow": _PEOPLE,
    "Serving": _SERVING,
}
