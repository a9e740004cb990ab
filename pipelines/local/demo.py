"""The command `demo`: the whole chain on simulated data, up to five scored transactions.

Each part is what a night, a reviewer and an operator would run: Airflow executes the two DAGs,
the approval is the `approve` step, the endpoint answers through boto3.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from infra.local import build_sagemaker, embedded_home, is_sagemaker_up
from infra.processes import refuse_held, running
from pipelines import steps
from pipelines.config import load_spec
from pipelines.config.installation import Settings, load_settings
from pipelines.local.airflow_runs import prepare_airflow, test_dag
from pipelines.simulation import simulate_files
from pipelines.tracking import CHAMPION, REVIEW_REPORT, open_registry
from pipelines.validation import docs_address

SPEC = "demo"
START = datetime(2025, 1, 1, tzinfo=UTC)


def simulate_source(*, days: int, customers: int, seed: int) -> str:
    """Write the files that the spec `demo` reads, and describe them."""
    folder = load_settings().home / "demo"
    made = simulate_files(folder, start=START, days=days, customers=customers, seed=seed)
    return (
        f"Simulated {made.rows:,} transactions of {days} days: {made.frauds:,} frauds "
        f"({made.frauds / made.rows:.2%}), {made.reported:,} of them reported, in {folder}"
    )


def run_demo(*, days: int, customers: int) -> Iterator[str]:
    """Run everything.

    Yields:
        Lines of text: the parts, their results, and at the end the addresses of the pages.
    """
    began = time.monotonic()
    settings = load_settings()
    if not is_sagemaker_up(os.environ["AWS_ENDPOINT_URL_SAGEMAKER"]):
        refuse_held(embedded_home(settings.home))
    as_of = (START + timedelta(days=days)).date().isoformat()
    yield "1/6  Simulate"
    yield f"     {simulate_source(days=days, customers=customers, seed=7)}"
    yield f"2/6  Airflow runs {SPEC}_nightly as of {as_of}"
    prepare_airflow(settings)
    for line in test_dag(f"{SPEC}_nightly", {"as_of": as_of}, settings=settings):
        yield f"     {line}"
    yield "3/6  Approve the challenger"
    version = steps.approve(SPEC, "challenger", "demo: read the review and agreed")
    yield f"     {version} has the alias approved"
    with _sagemaker(settings):
        yield f"4/6  Airflow runs {SPEC}_deploy"
        for line in test_dag(f"{SPEC}_deploy", {}, settings=settings):
            yield f"     {line}"
        yield "5/6  Score five transactions through boto3 invoke_endpoint"
        for line in steps.score(SPEC).splitlines():
            yield f"     {line}"
    yield "6/6  Summary"
    for line in _summary(settings, version):
        yield f"     {line}"
    yield f"Done in {time.monotonic() - began:.0f} s."


@contextlib.contextmanager
def _sagemaker(settings: Settings) -> Iterator[None]:
    """Run the embedded SageMaker for a block, unless `overnight up` runs it already."""
    if is_sagemaker_up(os.environ["AWS_ENDPOINT_URL_SAGEMAKER"]):
        yield
        return
    with running([build_sagemaker(os.environ, home=settings.home, ports=settings.ports)]):
        yield


def _summary(settings: Settings, version: str) -> list[str]:

    spec = load_spec(SPEC)
    registry = open_registry(spec)
    run = registry.get(CHAMPION).run
    metrics, report = registry.runs.metrics(run), registry.runs.page(run, REVIEW_REPORT)
    k, counted = spec.training.card_precision_k, spec.training.card_precision_metric
    return [
        f"champion          {version}",
        f"average precision {metrics['test_average_precision']:.3f} on the test week",
        f"card precision@{k} {metrics[f'test_{counted}']:.3f} "
        f"(a perfect model: {metrics[f'perfect_{counted}']:.3f})",
        f"MLflow page       http://127.0.0.1:{settings.ports.mlflow}/#/models/{SPEC}",
        f"review report     http://127.0.0.1:{settings.ports.mlflow}/{report}",
        f"Airflow page      http://127.0.0.1:{settings.ports.airflow}/dags/{SPEC}_nightly",
        f"Data Docs         {docs_address(settings, SPEC)}",
        f"endpoint          {SPEC} at {os.environ['AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME']}",
        "The pages and the endpoint are served by: make up",
    ]
