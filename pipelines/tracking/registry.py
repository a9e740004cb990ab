"""MLflow's registered versions and aliases. Beside `runs` the only room that knows it.

MLflow keeps no author of a version and no history of an alias, so what a later step relies on is
written as tags, and the digest of the bundle is checked whenever it is fetched.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from expectations.contract import InputError
from infra.tracking.database import make_tracking, wait_for_locks
from pipelines.config import ModelSpec
from pipelines.config.installation import load_settings
from pipelines.tracking.runs import DIGEST, MODEL_ID, Runs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as Entity

CHALLENGER, APPROVED, CHAMPION = "challenger", "approved", "champion"
STATE = "overnight.review"
OWNER = "overnight.spec_of_model"  # of a registered model: the spec whose it is


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a registered model.

    Attributes:
        aliases: names that point at it now.
        tags: what was recorded of it; see the constants of this module.
        description: Markdown, shown on its page.
    """

    name: str
    number: int
    run: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    description: str = ""

    def __str__(self) -> str:
        return f"models:/{self.name}/{self.number}"


class Registry:
    """The versions of one spec, in the tracking server of the environment.

    Attributes:
        runs: the runs that versions are made from.
    """

    def __init__(self, runs: Runs) -> None:
        import mlflow

        self.runs = runs
        self.spec = runs.spec
        self._client: MlflowClient = mlflow.MlflowClient()

    def register(self, run: str, *, tags: Mapping[str, str]) -> Version:
        """Make a version of a run's model, or return the one made before."""
        found = self._client.search_model_versions(f"name = '{self.spec}' and run_id = '{run}'")
        if found:
            return self._version(found[0])
        held = self.runs.tags(run)
        if MODEL_ID not in held:
            raise InputError(f"Run {run} has no model. Run the train step for it first.")
        if not self._has_registered_model():
            self._refuse_renamed()
            self._client.create_registered_model(self.spec, tags={OWNER: self.spec})
        made = self._client.create_model_version(
            self.spec,
            source=f"models:/{held[MODEL_ID]}",
            model_id=held[MODEL_ID],  # a server asks for it beside the source
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
        from mlflow.exceptions import MlflowException

        wanted = reference.removeprefix(f"models:/{self.spec}/")
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
        """A version by number or by alias.

        Raises:
            InputError: when there is none, naming those that are.
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
            InputError: when the server lets this user not.
        """
        with _explained():
            self._client.set_registered_model_alias(self.spec, alias, str(version.number))

    def remove_alias(self, alias: str) -> None:
        """Take an alias away; `InputError` when the server lets this user not."""
        with _explained():
            self._client.delete_registered_model_alias(self.spec, alias)

    def describe(self, version: Version, text: str) -> None:
        """Set the description of a version, Markdown; MLflow shows it on the version's page."""
        self._client.update_model_version(self.spec, str(version.number), description=text)

    def tag_version(self, version: Version, tags: Mapping[str, str]) -> None:
        """Record something of a version."""
        for key, value in tags.items():
            self._client.set_model_version_tag(self.spec, str(version.number), key, value)

    def aliases(self) -> dict[str, int]:
        """Each alias and the version it points at, in one call."""
        found = self._client.search_registered_models(f"name = '{self.spec}'")
        return {alias: int(number) for alias, number in found[0].aliases.items()} if found else {}

    def model_tags(self) -> dict[str, str]:
        """Tags of the registered model; none when there is no such model."""
        found = self._client.search_registered_models(f"name = '{self.spec}'")
        return dict(found[0].tags) if found else {}

    def noted(self, key: str) -> str | None:
        """A tag of the registered model, also of one that was renamed since; None without it."""
        tags = self.model_tags() or (self._renamed() or ("", {}))[1]
        return tags.get(key)

    def tag_model(self, tags: Mapping[str, str]) -> None:
        """Record something of the registered model; `InputError` as above."""
        with _explained():
            for key, value in tags.items():
                self._client.set_registered_model_tag(self.spec, key, value)

    def _renamed(self) -> tuple[str, Mapping[str, str]] | None:
        """Name and tags of the model of this spec that has another name now."""
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
        # Of what a search gives, the aliases are missing.
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
    """Say a server's refusal in its own words, not in those of the client's traceback."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.get_http_status_code() != HTTPStatus.FORBIDDEN:  # type: ignore[no-untyped-call]  # MLflow's own
            raise
        said = str(error).partition("Response body:")[2].strip(" '\n") or str(error)
        raise InputError(f"The registry refuses it: {said}. Ask someone with that role.") from error


def open_registry(spec: ModelSpec) -> Registry:
    """The registry of this environment for a spec."""
    settings = load_settings()
    # A tracking server says itself where artefacts go; a bare database does not.
    is_embedded = settings.tracking_uri.startswith("sqlite")
    artifacts = (settings.home / "mlruns" / spec.name).as_uri() if is_embedded else None
    make_tracking(settings.tracking_uri)
    wait_for_locks()
    return Registry(Runs(settings.tracking_uri, spec=spec.name, artifacts=artifacts))


def require_tracking() -> None:
    """Ask the tracking server for one model, with the credentials of this process.

    Raises:
        Exception: MLflow's own, when it does not answer or refuses; see
        `pipelines.steps.error_translation`.
    """
    import mlflow

    mlflow.MlflowClient(load_settings().tracking_uri).search_registered_models(max_results=1)
