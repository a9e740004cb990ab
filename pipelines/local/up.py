"""The command `up`: runs the services of this machine until Ctrl-C."""

import os
import signal
from collections.abc import Iterator

from infra.local import build_services, embedded_home
from infra.processes import hold, refuse_held, refuse_taken_ports, running
from pipelines.config.installation import DAGS, Settings, load_settings
from pipelines.local.airflow_runs import prepare_airflow


def serve_stack() -> Iterator[str]:
    """Start the services, list their addresses, and stop them on SIGINT or SIGTERM.

    Yields:
        Lines of text.
    """
    settings = load_settings()
    with hold(settings.home, holder="overnight up"):
        # An embedded SageMaker may run alone, for a demo.
        refuse_held(embedded_home(settings.home))
        yield from _serve(settings)


def _serve(settings: Settings) -> Iterator[str]:
    refuse_taken_ports(settings.ports.by_variable())
    yield "Preparing Airflow's database …"
    prepare_airflow(settings)
    services = build_services(
        os.environ,
        home=settings.home,
        dags=DAGS,
        docs=settings.data_docs,
        tracking_uri=settings.tracking_uri,
        ports=settings.ports,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        yield "Starting the embedded SageMaker, MLflow, Data Docs and Airflow (about 40 s) …"
        with running(services):
            yield f"Airflow    http://127.0.0.1:{settings.ports.airflow}"
            yield f"MLflow     http://127.0.0.1:{settings.ports.mlflow}"
            yield f"Data Docs  http://127.0.0.1:{settings.ports.docs}"
            yield f"SageMaker  http://127.0.0.1:{settings.ports.sagemaker}"
            yield f"Logs       {settings.home / 'logs'}"
            yield f"Ctrl-C stops all of them, as does SIGTERM to process {os.getpid()}."
            signal.pause()
    except KeyboardInterrupt:
        yield "Stopped."


def _stop(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
