"""MLflow: runs, registered versions and aliases. The only room that knows it.

MLflow keeps no author of a version and no history of an alias, so what a later step relies on is
written as tags, and the digest of the bundle is checked whenever it is fetched.
"""

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.contract import InputError, OvernightError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as Entity

CHALLENGER, APPROVED, CHAMPION = "challenger", "approved", "champion"
INPUTS, DIGEST, MODEL_ID = "overnight.inputs", "overnight.bundle_digest", "overnight.model_id"
STATE = "overnight.review"
BUNDLE = "bundle"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a registered model.

    Attributes:
        aliases: names that point at it now.
        tags: what was recorded of it; see the constants of this module.
    """

    name: str
    number: int
    run: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]

    def __str__(self) -> str:
        return f"models:/{self.name}/{self.number}"


class Registry:
    """The runs and versions of one spec, in the tracking server of the environment."""

    def __init__(self, tracking_uri: str, *, spec: str, artifacts: str | None) -> None:
        import mlflow

        logging.getLogger("sagemaker_mlflow").setLevel(logging.ERROR)
        for noisy in ("alembic", "mlflow.store", "mlflow.models", "mlflow.tracking"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        mlflow.set_tracking_uri(tracking_uri)
        self.spec = spec
        self._artifacts = artifacts
        self._client: MlflowClient = mlflow.MlflowClient()

    def find_run(self, inputs: str) -> str | None:
        """The run made from the same inputs, finished or cut off; None when there is none."""
        return self._search(f"tags.`{INPUTS}` = '{inputs}'")

    def newest_run(self) -> str | None:
        """The run that was started last; None when there is none."""
        return self._search("")

    def _search(self, condition: str) -> str | None:
        experiment = self._client.get_experiment_by_name(self.spec)
        if experiment is None:
            return None
        runs = self._client.search_runs([experiment.experiment_id], condition, max_results=1)
        return str(runs[0].info.run_id) if runs else None

    def has_model(self, run: str) -> bool:
        """Whether the run got as far as logging its model."""
        return MODEL_ID in self._client.get_run(run).data.tags

    @contextlib.contextmanager
    def open_run(self, *, inputs: str, tags: Mapping[str, str]) -> Iterator[str]:
        """The run of these inputs: a new one, or the one that was cut off; gives its id."""
        import mlflow

        if self._client.get_experiment_by_name(self.spec) is None:
            self._client.create_experiment(self.spec, artifact_location=self._artifacts)
        mlflow.set_experiment(self.spec)
        found = self.find_run(inputs)
        with mlflow.start_run(run_id=found, tags={**tags, INPUTS: inputs}) as run:
            yield str(run.info.run_id)

    def log_params(self, run: str, params: Mapping[str, object]) -> None:
        """Add parameters to a run."""
        from mlflow.entities import Param

        listed = [Param(key, str(value)) for key, value in params.items()]
        self._client.log_batch(run, params=listed)

    def log_metrics(self, run: str, metrics: Mapping[str, float]) -> None:
        """Add metrics to a run; a rerun replaces nothing and repeats the same values."""
        held = self._client.get_run(run).data.metrics
        for key, value in metrics.items():
            if held.get(key) != value:
                self._client.log_metric(run, key, value)

    def log_folder(self, run: str, folder: Path, *, name: str) -> None:
        """Add the files of a folder to a run's artefacts."""
        self._client.log_artifacts(run, str(folder), name)

    def log_model(
        self,
        run: str,
        booster: object,
        *,
        bundle: Path,
        digest: str,
        example: Mapping[str, "npt.NDArray[np.float64]"],
    ) -> None:
        """Log the bundle and, for MLflow's own pages, the LightGBM booster with its signature."""
        import mlflow
        import pandas as pd
        from mlflow.models import infer_signature

        self.log_folder(run, bundle, name=BUNDLE)
        frame = pd.DataFrame(dict(example))
        predicted = booster.predict(frame.to_numpy())  # type: ignore[attr-defined]
        with mlflow.start_run(run_id=run) if mlflow.active_run() is None else _nothing():
            info = mlflow.lightgbm.log_model(
                booster,
                name="model",
                signature=infer_signature(frame, predicted),
                input_example=frame,
                pip_requirements=["lightgbm", "numpy", "pandas"],
            )
        self._client.set_tag(run, DIGEST, digest)
        self._client.set_tag(run, MODEL_ID, info.model_id)

    def metrics(self, run: str) -> dict[str, float]:
        """Metrics of a run."""
        return dict(self._client.get_run(run).data.metrics)

    def params(self, run: str) -> dict[str, str]:
        """Parameters of a run."""
        return dict(self._client.get_run(run).data.params)

    def tags(self, run: str) -> dict[str, str]:
        """Tags of a run."""
        return dict(self._client.get_run(run).data.tags)

    def register(self, run: str, *, tags: Mapping[str, str]) -> Version:
        """Make a version of a run's model, or return the one made before."""
        for version in self.versions():
            if version.run == run:
                return version
        held = self.tags(run)
        if MODEL_ID not in held:
            raise InputError(f"Run {run} has no model. Run the train step for it first.")
        if not self._has_registered_model():
            self._client.create_registered_model(self.spec)
        made = self._client.create_model_version(
            self.spec,
            source=f"models:/{held[MODEL_ID]}",
            run_id=run,
            tags={**tags, DIGEST: held[DIGEST]},
        )
        return self._version(made)

    def versions(self) -> list[Version]:
        """All versions, newest first."""
        found = self._client.search_model_versions(f"name = '{self.spec}'")
        return sorted((self._version(v) for v in found), key=lambda v: -v.number)

    def find(self, reference: str) -> Version | None:
        """A version by number, by alias or by `models:/name/7`; None when there is none."""
        wanted = reference.removeprefix(f"models:/{self.spec}/")
        return next(
            (v for v in self.versions() if wanted == str(v.number) or wanted in v.aliases), None
        )

    def get(self, reference: str) -> Version:
        """A version by number or by alias.

        Raises:
            InputError: when there is none, naming those that are.
        """
        version = self.find(reference)
        if version is None:
            known = [f"{v.number} {'/'.join(v.aliases)}".strip() for v in self.versions()]
            raise InputError(
                f"{self.spec} has no version {reference!r}. Known: {', '.join(known) or 'none'}. "
                f'Make one with "overnight run {self.spec} --as-of DATE".'
            )
        return version

    def set_alias(self, alias: str, version: Version) -> None:
        """Point an alias at a version."""
        self._client.set_registered_model_alias(self.spec, alias, str(version.number))

    def remove_alias(self, alias: str) -> None:
        """Take an alias away."""
        self._client.delete_registered_model_alias(self.spec, alias)

    def tag_version(self, version: Version, tags: Mapping[str, str]) -> None:
        """Record something of a version."""
        for key, value in tags.items():
            self._client.set_model_version_tag(self.spec, str(version.number), key, value)

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

    def _has_registered_model(self) -> bool:
        return bool(self._client.search_registered_models(f"name = '{self.spec}'"))

    def _version(self, entity: "Entity") -> Version:
        full = self._client.get_model_version(self.spec, entity.version)
        return Version(
            name=self.spec,
            number=int(full.version),
            run=str(full.run_id),
            aliases=tuple(sorted(full.aliases)),
            tags=dict(full.tags),
        )


@contextlib.contextmanager
def _nothing() -> Iterator[None]:
    yield
