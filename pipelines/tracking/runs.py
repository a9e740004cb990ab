"""MLflow's runs: what was logged of a study or a model. Only `registry` knows MLflow beside it."""

import contextlib
import json
import logging
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.contract import InputError, OvernightError
from pipelines.config.installation import os_actor, signed_in_as
from pipelines.tracking.logged_model import log_booster

if TYPE_CHECKING:
    import pyarrow as pa
    from mlflow import MlflowClient

INPUTS, KIND = "overnight.inputs", "overnight.kind"
DIGEST, MODEL_ID = "overnight.bundle_digest", "overnight.model_id"
EXPERIMENT = "overnight.experiment"  # yes: the spec was changed for this run
# Who made a run, as the tracking server knows it: with roles, the deployer alone sets our tags.
MAKER = "overnight.maker"
TRIAL, PARENT = "overnight.trial", "mlflow.parentRunId"
BUNDLE = "bundle"
PACKET = "review/review.html"  # what a reviewer is shown
GATE, GATE_REASONS = "overnight.gate", "overnight.gate_reasons"
SPEC, SPEC_DIGEST = "overnight.spec", "overnight.spec_digest"
AS_OF, AUTHOR = "overnight.as_of", "overnight.author"


class Runs:
    """The runs of one spec, in the tracking server of the environment."""

    def __init__(self, tracking_uri: str, *, spec: str, artifacts: str | None) -> None:
        import mlflow

        # SageMaker's plugin, which does not know servers of others, says so at every call.
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
        """The run made from the same inputs, finished or cut off; None when there is none."""
        return self._search(f"tags.`{INPUTS}` = '{inputs}'")

    def find_all(self, inputs: str) -> list[str]:
        """Every run with the tag of these inputs, whoever made it; newest first."""
        experiment = self._client.get_experiment_by_name(self.spec)
        if experiment is None:
            return []
        condition = f"tags.`{INPUTS}` = '{inputs}'"
        return [
            r.info.run_id for r in self._client.search_runs([experiment.experiment_id], condition)
        ]

    def newest_model(self) -> str | None:
        """The model's run that was started last; None when there is none."""
        return self._search(f"tags.`{KIND}` = 'model'")

    def exists(self, run: str) -> bool:
        """Whether the spec's experiment holds a run of this id."""
        return self._search(f"attributes.run_id = '{run}'") is not None if run.isalnum() else False

    def has_model(self, run: str) -> bool:
        """Whether the run got as far as logging its model."""
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
        """The run of these inputs: a new one, or the one that was cut off; gives its id.

        Args:
            inputs: names what the run is made from.
            kind: `model`, `tuning` or `backtest`.
            tags: recorded in the run.
            passing_over: ids of runs that are not gone on with, whatever their inputs.
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
        """Add metrics to a run in one call; a rerun repeats nothing that is held already."""
        from mlflow.entities import Metric

        held, now = self.metrics(run), int(time.time() * 1_000)
        new = [Metric(k, float(v), now, 0) for k, v in metrics.items() if held.get(k) != v]
        self._client.log_batch(run, metrics=new)

    def log_trials(
        self, run: str, trials: Sequence[tuple[int, float, Mapping[str, object]]]
    ) -> None:
        """Give a study's run a child for each trial: number, value, parameters; once each."""
        from mlflow.entities import Metric, Param

        parent = self._client.get_run(run).info
        experiment, now = parent.experiment_id, int(time.time() * 1_000)
        children = self._client.search_runs([experiment], f"tags.`{PARENT}` = '{run}'")
        held = {child.data.tags.get(TRIAL): child for child in children}
        for number, value, params in trials:
            # The number comes with the child: one that was cut off is gone on with.
            tags = {PARENT: run, KIND: "trial", TRIAL: str(number)}
            child = held.get(str(number)) or self._client.create_run(
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

    def log_dataset(self, run: str, facts: Mapping[str, str], *, context: str) -> None:
        """Record a table version as an input of a run.

        Args:
            run: its id.
            facts: `name`, `digest`, `address`, `version`, `rows`.
            context: what it was read for, `training` or `tuning`.
        """
        from mlflow.entities import Dataset, DatasetInput, InputTag

        held = self._client.get_run(run).inputs
        if held is not None and held.dataset_inputs:
            return
        source = {"uri": facts["address"], "version": facts["version"]}
        dataset = Dataset(
            name=facts["name"],
            digest=facts["digest"],
            source_type="delta",
            source=json.dumps(source),
            profile=json.dumps({"num_rows": int(facts["rows"])}),
        )
        tags = [InputTag("mlflow.data.context", context)]
        self._client.log_inputs(run, datasets=[DatasetInput(dataset, tags)])

    def log_folder(self, run: str, folder: Path, *, name: str) -> None:
        """Add the files of a folder to a run's artefacts; an empty name is their root."""
        self._client.log_artifacts(run, str(folder), name or None)

    def read_file(self, run: str, path: str) -> bytes | None:
        """A file among a run's artefacts; None when there is none of that name.

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
        """Where MLflow shows a file of a run, below the address of its server."""
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
        """Return True if a study's run is finished and of so many trials."""
        return self.is_finished(run) and self.metrics(run).get("trials") == trials

    def end(self, run: str) -> None:
        """Mark a run finished that a kill left running after all its work."""
        if self._client.get_run(run).info.status != "FINISHED":
            self._client.set_terminated(run)

    def tag(self, run: str, tags: Mapping[str, str]) -> None:
        """Record something of a run."""
        from mlflow.entities import RunTag

        self._client.log_batch(run, tags=[RunTag(key, value) for key, value in tags.items()])

    def metrics(self, run: str) -> dict[str, float]:
        """Metrics of a run."""
        return dict(self._client.get_run(run).data.metrics)

    def params(self, run: str) -> dict[str, str]:
        """Parameters of a run."""
        return dict(self._client.get_run(run).data.params)

    def tags(self, run: str) -> dict[str, str]:
        """Tags of a run."""
        return dict(self._client.get_run(run).data.tags)

    def ending(self, run: str) -> str:
        """How and when (UTC) a run ended, `finished 2025-04-01 02:03:00`; before that `running`."""
        info = self._client.get_run(run).info
        state = str(info.status).lower()
        if info.end_time is None:
            return state
        return f"{state} {datetime.fromtimestamp(info.end_time / 1_000, UTC):%F %T}"

    def fetch_bundle(self, run: str, *, target: Path) -> Path:
        """Download a run's bundle.

        Raises:
            OvernightError: when the run's artefacts hold none any more.
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


def refuse_other_kinds(run: str, tags: Mapping[str, str]) -> None:
    """Refuse a run that holds no model of a night or an experiment: a study, a trial, a backtest.

    Raises:
        InputError: saying what the run is.
    """
    kind = tags.get(KIND, "run of nobody's")
    if kind != "model":
        raise InputError(
            f"{run} is a {kind}, not a model. Name a run that the train step returned."
        )


def describe_maker(tags: Mapping[str, str]) -> str:
    """Of which spec a run is, as of when and by whom, as its tags say."""
    return f"{tags.get(SPEC, '?')} as of {tags.get(AS_OF, '?')}, by {tags.get(AUTHOR, '?')}"


def is_of_another(tags: Mapping[str, str], *, spec_digest: str) -> bool:
    """Return True if a run that an experiment ended with was made by a night or other changes.

    Args:
        tags: of the run.
        spec_digest: of the experiment's spec.
    """
    return tags.get(EXPERIMENT) != "yes" or tags.get(SPEC_DIGEST) != spec_digest
