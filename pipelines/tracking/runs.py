"""Runs in MLflow: logging and finding the runs of studies, models and backtests.

MLflow is imported inside the functions: it reads variables at its import that `load_settings` sets.
"""

import contextlib
import json
import logging
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.contract import OvernightError
from pipelines.config.installation import os_actor, signed_in_as
from pipelines.tracking.logged_model import log_booster
from pipelines.tracking.tags import (
    DIGEST,
    INPUTS,
    KIND,
    MAKER,
    MODEL_ID,
    PARENT,
    TRIAL,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from mlflow import MlflowClient

BUNDLE = "bundle"
REVIEW_REPORT = "review/review.html"
ATTEMPTS = 3


class Runs:
    """The runs of one spec, in the tracking server of the environment."""

    def __init__(self, tracking_uri: str, *, spec: str, artifacts: str | None) -> None:
        import mlflow

        # SageMaker's plugin logs at every call that it does not know the server.
        for chatty in ("sagemaker_mlflow", "mlflow.tracking.request_header.registry"):
            logging.getLogger(chatty).setLevel(logging.ERROR)
        for noisy in ("alembic", "mlflow.store", "mlflow.models", "mlflow.tracking"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        mlflow.set_tracking_uri(tracking_uri)
        self.spec = spec
        self.signed_in = signed_in_as(tracking_uri)
        self._artifacts = artifacts
        self._client: MlflowClient = mlflow.MlflowClient()

    def find(self, inputs: str) -> str | None:
        """Find the run with the same inputs, finished or not; None when there is none."""
        return self._search(f"tags.`{INPUTS}` = '{inputs}'")

    def find_all(self, inputs: str) -> list[str]:
        """Find every run with the tag of these inputs, whoever made it, the latest first."""
        experiment = self._client.get_experiment_by_name(self.spec)
        if experiment is None:
            return []
        condition = f"tags.`{INPUTS}` = '{inputs}'"
        return [
            r.info.run_id for r in self._client.search_runs([experiment.experiment_id], condition)
        ]

    def latest_model(self) -> str | None:
        """Find the run of a model that was started last; None when there is none."""
        return self._search(f"tags.`{KIND}` = 'model'")

    def exists(self, run: str) -> bool:
        """Return True if the spec's experiment has a run with this id."""
        return self._search(f"attributes.run_id = '{run}'") is not None if run.isalnum() else False

    def has_model(self, run: str) -> bool:
        """Return True if the run has logged its model."""
        return MODEL_ID in self.tags(run)

    @contextlib.contextmanager
    def open(
        self,
        *,
        inputs: str,
        kind: str,
        tags: Mapping[str, str],
        passing_over: frozenset[str] = frozenset(),
    ) -> Iterator[str]:
        """Start a run, or continue the unfinished one with the same inputs; provide its id.

        Args:
            inputs: digest of the inputs of the run.
            kind: `model`, `tuning` or `backtest`.
            tags: of the run.
            passing_over: ids of runs that must not be continued.
        """
        import mlflow

        if self._client.get_experiment_by_name(self.spec) is None:
            self._client.create_experiment(self.spec, artifact_location=self._artifacts)
        mlflow.set_experiment(self.spec)
        found = next((r for r in self.find_all(inputs) if r not in passing_over), None)
        named = None if found else f"{kind} {inputs.rpartition('/')[2][:30]}"
        maker = self.signed_in or os_actor()
        recorded = {
            **tags, INPUTS: inputs, KIND: kind, MAKER: str(maker), "mlflow.user": maker.name
        }  # fmt: skip
        with mlflow.start_run(run_id=found, run_name=named, tags=recorded) as run:
            yield str(run.info.run_id)

    def log_params(self, run: str, params: Mapping[str, object]) -> None:
        """Add parameters to a run."""
        from mlflow.entities import Param

        listed = [Param(key, str(value)) for key, value in params.items()]
        self._client.log_batch(run, params=listed)

    def log_metrics(self, run: str, metrics: Mapping[str, float]) -> None:
        """Add metrics to a run in one call; a rerun does not log a metric again."""
        from mlflow.entities import Metric

        current, now = self.metrics(run), int(time.time() * 1_000)
        new = [Metric(k, float(v), now, 0) for k, v in metrics.items() if current.get(k) != v]
        self._client.log_batch(run, metrics=new)

    def log_trials(
        self, run: str, trials: Sequence[tuple[int, float, Mapping[str, object]]]
    ) -> None:
        """Log a child run for each trial of a study: number, value, parameters; once each."""
        from mlflow.entities import Metric, Param

        parent = self._client.get_run(run).info
        experiment, now = parent.experiment_id, int(time.time() * 1_000)
        children = self._client.search_runs([experiment], f"tags.`{PARENT}` = '{run}'")
        current = {child.data.tags.get(TRIAL): child for child in children}
        for number, value, params in trials:
            # The child has the number from its start, so an unfinished one is continued.
            tags = {PARENT: run, KIND: "trial", TRIAL: str(number)}
            child = current.get(str(number)) or self._client.create_run(
                experiment, tags=tags, run_name=f"trial {number}"
            )
            if child.info.status == "FINISHED":
                continue
            metric = Metric("validation_average_precision", value, now, 0)
            self._client.log_batch(
                child.info.run_id,
                metrics=[] if child.data.metrics else [metric],
                params=[Param(key, str(each)) for key, each in params.items()],
            )
            self._client.set_terminated(child.info.run_id)

    def log_dataset(self, run: str, metadata: Mapping[str, str], *, context: str) -> None:
        """Record a table version as an input of a run.

        Args:
            run: its id.
            metadata: `name`, `digest`, `address`, `version`, `rows`.
            context: the use of the table, `training` or `tuning`.
        """
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.exceptions import MlflowException

        current = self._client.get_run(run).inputs
        if current is not None and current.dataset_inputs:
            return
        source = {"uri": metadata["address"], "version": metadata["version"]}
        dataset = Dataset(
            name=metadata["name"],
            digest=metadata["digest"],
            source_type="delta",
            source=json.dumps(source),
            profile=json.dumps({"num_rows": int(metadata["rows"])}),
        )
        tags = [InputTag("mlflow.data.context", context)]
        for attempt in range(ATTEMPTS):
            try:
                self._client.log_inputs(run, datasets=[DatasetInput(dataset, tags)])
                return
            except MlflowException as error:
                # Another process recorded the same dataset between MLflow's look and its insert.
                if "IntegrityError" not in str(error) or attempt + 1 == ATTEMPTS:
                    raise

    def log_folder(self, run: str, folder: Path, *, name: str) -> None:
        """Add the files of a folder to a run's artefacts; an empty name is their root."""
        self._client.log_artifacts(run, str(folder), name or None)

    def read_file(self, run: str, path: str) -> bytes | None:
        """Read a file among a run's artefacts; None when there is none of that name.

        Args:
            run: its id.
            path: below the artefacts' root, with slashes.
        """
        import mlflow

        folder = path.rpartition("/")[0]
        if path not in {each.path for each in self._client.list_artifacts(run, folder or None)}:
            return None
        with tempfile.TemporaryDirectory() as scratch:
            found = mlflow.artifacts.download_artifacts(
                run_id=run, artifact_path=path, dst_path=scratch
            )
            return Path(found).read_bytes()

    def page(self, run: str, path: str) -> str:
        """Return the address of MLflow's page of a file, relative to the server."""
        experiment = self._client.get_run(run).info.experiment_id
        return f"#/experiments/{experiment}/runs/{run}/artifacts/{path}"

    def log_model(
        self, run: str, booster: object, *, bundle: Path, digest: str, example: "pa.Table"
    ) -> None:
        """Log the bundle and, for MLflow's own pages, the LightGBM booster with its signature."""
        self.log_folder(run, bundle, name=BUNDLE)
        self.tag(
            run,
            {DIGEST: digest, MODEL_ID: log_booster(self._client, run, booster, example=example)},
        )

    def is_finished(self, run: str) -> bool:
        """Return True if a run ended well."""
        return str(self._client.get_run(run).info.status) == "FINISHED"

    def shows(self, run: str, *, trials: int) -> bool:
        """Return True if a study's run is finished and has this number of trials."""
        return self.is_finished(run) and self.metrics(run).get("trials") == trials

    def end(self, run: str) -> None:
        """Mark a run as finished that was killed after all its work."""
        if self._client.get_run(run).info.status != "FINISHED":
            self._client.set_terminated(run)

    def tag(self, run: str, tags: Mapping[str, str]) -> None:
        """Set tags of a run."""
        from mlflow.entities import RunTag

        self._client.log_batch(run, tags=[RunTag(key, value) for key, value in tags.items()])

    def metrics(self, run: str) -> dict[str, float]:
        """Return the metrics of a run."""
        return dict(self._client.get_run(run).data.metrics)

    def params(self, run: str) -> dict[str, str]:
        """Return the parameters of a run."""
        return dict(self._client.get_run(run).data.params)

    def tags(self, run: str) -> dict[str, str]:
        """Return the tags of a run."""
        return dict(self._client.get_run(run).data.tags)

    def ending(self, run: str) -> str:
        """Describe the end of a run (UTC), `finished 2025-04-01 02:03:00`, or `running`."""
        info = self._client.get_run(run).info
        state = str(info.status).lower()
        if info.end_time is None:
            return state
        return f"{state} {datetime.fromtimestamp(info.end_time / 1_000, UTC):%F %T}"

    def fetch_bundle(self, run: str, *, target: Path) -> Path:
        """Download a run's bundle.

        Raises:
            OvernightError: when the run has no bundle any more.
        """
        import mlflow

        target.mkdir(parents=True, exist_ok=True)
        try:
            path = mlflow.artifacts.download_artifacts(
                run_id=run, artifact_path=BUNDLE, dst_path=str(target)
            )
        except Exception as error:
            raise OvernightError(
                f"The bundle of run {run} cannot be read: {error}. "
                "Train again and register the new run."
            ) from error
        return Path(path)

    def _search(self, condition: str) -> str | None:
        experiment = self._client.get_experiment_by_name(self.spec)
        if experiment is None:
            return None
        runs = self._client.search_runs([experiment.experiment_id], condition, max_results=1)
        return str(runs[0].info.run_id) if runs else None
