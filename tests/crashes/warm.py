"""Loads everything that a step needs: the process that cases are forked from has this imported."""

import importlib
import pkgutil
import threading

import tqdm

import tests.quiet  # noqa: F401 -- for its effect

PACKAGES = (
    "pipelines",
    "training",
    "expectations",
    "feature_jobs",
    "infra.sagemaker",
    "infra.serving",
)
LIBRARIES = (
    "boto3", "botocore.client", "deltalake", "lightgbm", "mlflow",
    "mlflow.lightgbm", "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store", "pyspark.sql",
    "sklearn.linear_model", "sqlalchemy", "tests.crashes.state",
)  # fmt: skip

for library in LIBRARIES:
    importlib.import_module(library)
for each in PACKAGES:
    package = importlib.import_module(each)
    for found in pkgutil.walk_packages(package.__path__, f"{each}."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)

# Its own lock is one of the operating system's, which a killed process leaves behind.
tqdm.tqdm.set_lock(threading.RLock())
