"""Deploys what a reviewer approved, and names as champion only what was verified to serve."""

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.contract import InputError, OvernightError
from pipelines.registry import APPROVED, CHAMPION, Registry, Version
from pipelines.review import fetch_verified, open_registry
from pipelines.spec import ModelSpec, load_spec

if TYPE_CHECKING:
    from infra.sagemaker.deployment import DeploymentResult

PREVIOUS = "overnight.champion_before"

log = logging.getLogger(__name__)


def plan_approved(reference: str) -> str:
    """See `steps.plan`."""
    from infra.sagemaker.plan import plan

    spec = load_spec(reference)
    registry = open_registry(spec)
    version = _approved(registry)
    with tempfile.TemporaryDirectory() as scratch:
        bundle = fetch_verified(registry, version, target=Path(scratch))
        text = plan(bundle, endpoint=spec.name, policy=spec.endpoint).describe()
    return f"Deploying {version}:\n{text}"


def deploy_approved(reference: str) -> str:
    """See `steps.deploy`."""
    spec = load_spec(reference)
    registry = open_registry(spec)
    return _deploy(registry, _approved(registry), spec)


def roll_back(reference: str) -> str:
    """See `steps.rollback`."""
    spec = load_spec(reference)
    registry = open_registry(spec)
    champion = registry.find(CHAMPION)
    if champion is None or PREVIOUS not in champion.tags:
        raise InputError(
            f"{spec.name} has no champion before this one to go back to. "
            f'Approve another version: "overnight approve {spec.name} VERSION --because …".'
        )
    previous = registry.get(champion.tags[PREVIOUS])
    # The alias a reviewer set goes back too: else the next deploy would undo the rollback.
    result = _deploy(registry, previous, spec)
    registry.set_alias(APPROVED, previous)
    return result


def _approved(registry: Registry) -> Version:
    version = registry.find(APPROVED)
    if version is None:
        raise InputError(
            f"No version of {registry.spec} is approved. Review the challenger, then "
            f'"overnight approve {registry.spec} challenger --because …".'
        )
    return version


def _deploy(registry: Registry, version: Version, spec: ModelSpec) -> str:
    from infra.sagemaker.deployment import deploy

    with tempfile.TemporaryDirectory() as scratch:
        bundle = fetch_verified(registry, version, target=Path(scratch))
        result = deploy(bundle, endpoint=spec.name, policy=spec.endpoint)
    _refuse_unless_promoted(result, version)
    champion = registry.find(CHAMPION)
    if champion is None or champion.number != version.number:
        # Going back must not make the version gone back from the next one to go back to.
        if champion is not None and champion.tags.get(PREVIOUS) != str(version.number):
            registry.tag_version(version, {PREVIOUS: str(champion.number)})
        registry.set_alias(CHAMPION, version)
    log.info("%s serves at %s with %s", version, spec.name, result.config_name)
    return f"endpoints:/{spec.name}/{result.config_name}"


def _refuse_unless_promoted(result: "DeploymentResult", version: Version) -> None:
    if result.outcome != "PROMOTED":
        raise OvernightError(
            f"The deployment of {version} ended {result.outcome}: {result.reason} "
            f"The champion is unchanged. Look at the endpoint {result.endpoint}, then deploy again."
        )
