"""Registered versions and aliases in MLflow.

MLflow stores no author of a version and no history of an alias, so the data that later steps need
are stored as tags, and the digest of the bundle is checked whenever it is downloaded.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from expectations.contract import InputError
from infra.tracking import make_tracking, wait_for_locks
from pipelines.config import ModelSpec, ModelVersion, version_name
from pipelines.config.installation import load_settings
from pipelines.tracking.runs import Runs
from pipelines.tracking.tags import DIGEST, MODEL_ID, OWNER

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as Entity

CHALLENGER, APPROVED, CHAMPION = "challenger", "approved", "champion"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a registered model.

    Attributes:
        aliases: names that point at it now.
        tags: see the constants of this module and of `runs`.
        description: Markdown, shown on its page.
    """

    name: str
    number: int
    run: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    description: str = ""

    @property
    def reference(self) -> ModelVersion:
        """The reference to the version that steps pass on."""
        return ModelVersion(self.name, self.number)

    def __str__(self) -> str:
        return str(self.reference)


class Registry:
    """The versions of one spec, in the tracking server of the environment.

    Attributes:
        runs: the runs of the same spec.
    """

    def __init__(self, runs: Runs) -> None:
        import mlflow

        self.runs = runs
        self.spec = runs.spec
        self._client: MlflowClient = mlflow.MlflowClient()

    def register(self, run: str, *, tags: Mapping[str, str]) -> Version:
        """Make a version of a run's model, or return the existing one."""
        found = self._client.search_model_versions(f"name = '{self.spec}' and run_id = '{run}'")
        if found:
            return self._version(found[0])
        current = self.runs.tags(run)
        if MODEL_ID not in current:
            raise InputError(f"Run {run} has no model. Run the train step for it first.")
        if not self._has_registered_model():
            self._refuse_renamed()
            self._client.create_registered_model(self.spec, tags={OWNER: self.spec})
        made = self._client.create_model_version(
            self.spec,
            source=f"models:/{current[MODEL_ID]}",
            model_id=current[MODEL_ID],  # a server requires it beside the source
            run_id=run,
            tags={**tags, DIGEST: current[DIGEST]},
        )
        return self._version(made)

    def versions(self) -> list[Version]:
        """List all versions, the latest first."""
        found = self._client.search_model_versions(f"name = '{self.spec}'")
        return sorted((self._version(v) for v in found), key=lambda v: -v.number)

    def find(self, reference: str) -> Version | None:
        """Find a version by number, alias or `models:/name/7`; None when there is none."""
        from mlflow.exceptions import MlflowException

        wanted = version_name(reference, model=self.spec)
        number = wanted if wanted.isdecimal() else self.aliases().get(wanted)
        if number is None:
            return None
        try:
            return self._load(str(number))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    def get(self, reference: str) -> Version:
        """Return a version by number or alias.

        Raises:
            InputError: when there is none, listing the existing versions.
        """
        version = self.find(reference)
        if version is None:
            self._refuse_renamed()
            known = [f"{v.number} {'/'.join(v.aliases)}".strip() for v in self.versions()]
            raise InputError(
                f"{self.spec} has no version {reference!r}. Known: {', '.join(known) or 'none'}. "
                f'Make one with "overnight run {self.spec} --as-of DATE".'
            )
        return version

    def set_alias(self, alias: str, version: Version) -> None:
        """Point an alias at a version.

        Raises:
            InputError: when the server forbids it to this user.
        """
        with _explained():
            self._client.set_registered_model_alias(self.spec, alias, str(version.number))

    def remove_alias(self, alias: str) -> None:
        """Remove an alias; `InputError` when the server forbids it to this user."""
        with _explained():
            self._client.delete_registered_model_alias(self.spec, alias)

    def describe(self, version: Version, text: str) -> None:
        """Set the description of a version, Markdown; MLflow shows it on the version's page."""
        self._client.update_model_version(self.spec, str(version.number), description=text)

    def tag_version(self, version: Version, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        for key, value in tags.items():
            self._client.set_model_version_tag(self.spec, str(version.number), key, value)

    def aliases(self) -> dict[str, int]:
        """Map each alias to the version that it points at, in one call."""
        found = self._client.search_registered_models(f"name = '{self.spec}'")
        return {alias: int(number) for alias, number in found[0].aliases.items()} if found else {}

    def model_tags(self) -> dict[str, str]:
        """Return the tags of the registered model; none when there is no such model."""
        found = self._client.search_registered_models(f"name = '{self.spec}'")
        return dict(found[0].tags) if found else {}

    def noted(self, key: str) -> str | None:
        """Return a tag of the registered model, even if it was renamed; None without it."""
        tags = self.model_tags() or (self._renamed() or ("", {}))[1]
        return tags.get(key)

    def tag_model(self, tags: Mapping[str, str]) -> None:
        """Set tags of the registered model; `InputError` when the server forbids it."""
        with _explained():
            for key, value in tags.items():
                self._client.set_registered_model_tag(self.spec, key, value)

    def _renamed(self) -> tuple[str, Mapping[str, str]] | None:
        """Find the registered model of this spec under another name: its name and tags."""
        found = self._client.search_registered_models(f"tags.`{OWNER}` = '{self.spec}'")
        other = next((model for model in found if model.name != self.spec), None)
        return None if other is None else (str(other.name), dict(other.tags))

    def _refuse_renamed(self) -> None:
        if not self._has_registered_model() and (other := self._renamed()) is not None:
            raise InputError(
                f"The registered model of {self.spec} is called {other[0]!r} now. "
                f"Rename it to {self.spec} again in MLflow."
            )

    def _has_registered_model(self) -> bool:
        return bool(self._client.search_registered_models(f"name = '{self.spec}'"))

    def _version(self, entity: "Entity") -> Version:
        return self._load(entity.version)

    def _load(self, number: str) -> Version:
        # The results of a search lack the aliases.
        full = self._client.get_model_version(self.spec, number)
        return Version(
            name=self.spec,
            number=int(full.version),
            run=str(full.run_id),
            aliases=tuple(sorted(full.aliases)),
            tags=dict(full.tags),
            description=full.description or "",
        )


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn a server's refusal into an `InputError` with the server's reason."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.get_http_status_code() != HTTPStatus.FORBIDDEN:  # type: ignore[no-untyped-call]  # MLflow's own
            raise
        said = str(error).partition("Response body:")[2].strip(" '\n") or str(error)
        raise InputError(f"The registry refuses it: {said}. Ask someone with that role.") from error


def open_registry(spec: ModelSpec) -> Registry:
    """Open the registry of this environment for a spec."""
    settings = load_settings()
    # A tracking server defines the place of artefacts itself; a bare database does not.
    is_embedded = settings.tracking_uri.startswith("sqlite")
    artifacts = (settings.home / "mlruns" / spec.name).as_uri() if is_embedded else None
    make_tracking(settings.tracking_uri)
    wait_for_locks()
    return Registry(Runs(settings.tracking_uri, spec=spec.name, artifacts=artifacts))


def require_tracking() -> None:
    """Ask the tracking server for one model, with the credentials of this process.

    Raises:
        Exception: MLflow's own, when the server does not answer or refuses; see
            `pipelines.steps.error_translation`.
    """
    import mlflow

    mlflow.MlflowClient(load_settings().tracking_uri).search_registered_models(max_results=1)
