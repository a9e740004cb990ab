"""The spec of a model: one file, composed of the configuration models of the other packages.

`load_spec` reports every problem at once, with file, key, value and remedy; the spec that it
returns is typed, frozen and trusted from then on.
"""

import os
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from expectations import Contract
from expectations.contract import (
    AttributeKind,
    Duration,
    FrozenModel,
    InputError,
    digest_of,
    refuse_any,
)
from expectations.contract.toml_file import limit_problems, read_toml
from feature_jobs.declaration import FeatureSet
from infra.sagemaker import EndpointPolicy
from pipelines.config.addresses import address_problems
from pipelines.config.cron import Cron
from pipelines.config.cross_checks import cross_field_problems, explain, find_in_features
from pipelines.config.overrides import apply_overrides
from pipelines.config.sources import Labels, Source
from training.policy import GatePolicy, TrainingPolicy

SPECS = Path(__file__).parent / "specs"
EXAMPLES = SPECS / "examples"
SETTING = "OVERNIGHT_SPECS"


class Schedule(FrozenModel):
    """The schedules of the two DAGs, and Airflow's limits for a step.

    Attributes:
        as_of: knowledge date that a run proposes, of a source that gets no new rows; none: the day
            on which it starts.
        nightly, deploy: cron expressions, UTC; none: by hand only.
        retries: how often a step is tried again, unless trying again changes nothing.
        retry_delay: before the first of these; doubled before each further one, up to 15 minutes.
        timeout: how long one try of a step may take.
        deadline: how long a night may take before somebody is told; none: for ever.
    """

    as_of: date | None = None
    nightly: Cron | None = None
    deploy: Cron | None = None
    retries: Annotated[int, Field(ge=0, le=20)] = 3
    retry_delay: Duration = timedelta(minutes=1)
    timeout: Duration = timedelta(hours=3)
    deadline: Duration | None = None


class ApprovalPolicy(FrozenModel):
    """The rules of approval, and how long an approval is valid.

    Attributes:
        where: `mlflow`: the alias `approved`, or the command; `airflow`: also a task of the nightly
            run that waits for an answer.
        expires: how long a candidate may be approved after it was registered, and how long an
            approval may be deployed.
        four_eyes: whether a candidate's author may not approve it; asked where both are known.
    """

    where: Literal["mlflow", "airflow"] = "mlflow"
    expires: Duration = timedelta(days=14)
    four_eyes: bool = True


class ModelSpec(FrozenModel):
    """Everything that is declared about one model.

    Attributes:
        name: of the model; the file's name without `.toml`, and nothing else.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    source: Source
    labels: Annotated[Labels, Field(default_factory=Labels)]
    features: FeatureSet = FeatureSet()
    contract: Contract = Contract()
    training: TrainingPolicy = TrainingPolicy()
    gate: GatePolicy = GatePolicy()
    approval: ApprovalPolicy = ApprovalPolicy()
    endpoint: EndpointPolicy = EndpointPolicy()
    schedule: Schedule = Schedule()

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the whole spec."""
        return digest_of(self.model_dump(mode="json"))

    @property
    def customer(self) -> str | None:
        """The entity whose rows are alike: the one that is excluded when detected, or the first.

        None in a spec without entities.
        """
        return self.training.exclude_detected or next(iter(self.source.entities), None)

    def attribute_kinds(self) -> dict[str, AttributeKind]:
        """Attribute name to its kind."""
        return self.source.attribute_kinds()

    def row_columns(self) -> dict[str, str]:
        """Entities and attributes that a row carries, with their kind."""
        return dict.fromkeys(self.source.entities, "entity") | self.attribute_kinds()


def list_specs() -> list[str]:
    """Names of the specs in `pipelines/config/specs` and in the folder `OVERNIGHT_SPECS`, if set.

    Examples are none of them: their data are not there.
    """
    return sorted({path.stem for folder in spec_folders() for path in folder.glob("*.toml")})


def load_spec(reference: str) -> ModelSpec:
    """Read a spec by name or by path, with overrides behind a question mark.

    Args:
        reference: `demo`, `mine/cards.toml`, `demo?training.trials=5&training.seed=1`. Values are
            TOML, percent-encoded where they hold a `&`; `features.add` appends features.

    Raises:
        ProblemsError: with every unknown key, wrong type and contradiction.
        InputError: when there is no such spec or it is not TOML.
    """
    name, _, overrides = reference.partition("?")
    path = find_spec(name)
    declared = _read(path)
    problems = apply_overrides(declared, overrides)
    refuse_any(path.name, limit_problems(declared))
    if declared.setdefault("name", path.stem) != path.stem:
        problems.append(
            f"name: {declared['name']!r} is not the file's; remove it, or rename the file"
        )
    try:
        spec = ModelSpec.model_validate(declared)
    except ValidationError as error:
        problems += [*explain(error), *find_in_features(declared, error)]
        refuse_any(path.name, problems)
        raise  # not reached: a validation error has at least one problem
    problems += address_problems("source.path", spec.source.path or "")
    problems += address_problems("labels.path", spec.labels.path or "")
    for table in spec.source.tables:
        problems += address_problems(f"source.tables.{table.name}.path", table.path)
    refuse_any(path.name, [*problems, *cross_field_problems(spec)])
    return spec


def _read(path: Path) -> dict[str, object]:
    if not path.is_file():
        raise InputError(f"{path.name} is no file. Put the spec there, or remove it.")
    try:
        return read_toml(path)
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be read: {error.strerror}. Let this user read it."
        ) from error


def find_spec(name: str) -> Path:
    """Find the file of a spec by its name or path; an example is found by its name too."""
    candidates = [folder / f"{name}.toml" for folder in (*spec_folders(), EXAMPLES)]
    if name.endswith(".toml"):
        candidates = [Path(name)]
    for path in candidates:
        if os.path.lexists(path):  # what stands there and is no file is told by who reads it
            return path
    known = ", ".join(list_specs()) or "none"
    raise InputError(
        f"There is no spec {name!r}. Known: {known}. "
        'Write one with "overnight new NAME --from data.parquet", or give a path to a .toml file.'
    )


def spec_folders() -> list[Path]:
    """Folders of this installation's specs; the first that has one of a name counts."""
    own = os.environ.get(SETTING)
    return [Path(own), SPECS] if own else [SPECS]
