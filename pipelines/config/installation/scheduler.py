"""The environment of the Airflow processes of an installation."""

import os

from infra.airflow.environment import build_airflow_environment
from pipelines.config.installation.settings import DAGS, Settings


def airflow_environment(settings: Settings) -> dict[str, str]:
    """Build the environment variables of every Airflow process of this installation."""
    return build_airflow_environment(
        os.environ, home=settings.airflow_home, dags=DAGS, port=settings.ports.airflow
    )
