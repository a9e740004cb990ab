"""Deploys what a reviewer approved, and names as champion only what was verified to serve."""

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.contract import InputError, OvernightError, refuse_any
from pipelines.approval import changes_since, deployment_refusals
from pipelines.evidence import draft_decision, fetch_verified, find_digests, open_decisions
from pipelines.identity import os_actor
from pipelines.ledger import Decision, Kind, Ledger
from pipelines.reconciliation import NOTHING
from pipelines.registry import APPROVED, CHAMPION, Registry, Version, open_registry
from pipelines.spec import ModelSpec, load_spec

if TYPE_CHECKING:
    from infra.sagemaker.deployment import DeploymentResult

log = logging.getLogger(__name__)


def plan_approved(reference: str, *, version: str = "") -> str:
    """See `steps.plan`."""
    from infra.sagemaker.plan import plan

    if version == NOTHING:
        return "Nothing is approved, so nothing would be deployed"
    spec = load_spec(reference)
    registry = open_registry(spec)
    approved, approval = _approved(spec, registry, version)
    with tempfile.TemporaryDirectory() as scratch:
        digest = approval.digests.model
        bundle = fetch_verified(registry, approved, target=Path(scratch), digest=digest)
        text = plan(bundle, endpoint=spec.name, policy=spec.endpoint).describe()
    return f"Deploying {approved}:\n{text}"


def deploy_approved(reference: str, *, version: str = "") -> str:
    """See `steps.deploy`."""
    if version == NOTHING:
        log.info("Nothing is approved, so nothing is deployed")
        return NOTHING
    spec = load_spec(reference)
    registry = open_registry(spec)
    approved, approval = _approved(spec, registry, version)
    return _deploy(
        spec, registry, approved, kind="promotion", reason="verified to serve",
        digest=approval.digests.model,
    )  # fmt: skip


def roll_back(reference: str, *, because: str = "") -> str:
    """See `steps.rollback`."""
    spec = load_spec(reference)
    registry = open_registry(spec)
    chain = open_decisions(spec, registry).load()
    before = chain.champion_before
    served = None if before is None else chain.last("promotion", version=before)
    if before is None or served is None:
        raise InputError(
            f"{spec.name} has no champion before this one to go back to. "
            f'Approve another version: "overnight approve {spec.name} VERSION --because …".'
        )
    previous = registry.get(str(before))
    found = find_digests(spec, registry, previous)
    refuse_any(f"the rollback to {previous}", list(changes_since(served, found)))
    result = _deploy(
        spec, registry, previous, kind="rollback", reason=because, digest=served.digests.model
    )
    # The alias a reviewer set goes back too: else the next deploy would undo the rollback.
    registry.set_alias(APPROVED, previous)
    return result


def _approved(spec: ModelSpec, registry: Registry, wanted: str) -> tuple[Version, Decision]:
    """The version whose approval is in force and may still be deployed, and that approval.

    Raises:
        InputError: when none is, or another than the wanted one.
        ProblemsError: with every reason against its deployment.
    """
    chain = open_decisions(spec, registry).load()
    approval = chain.approval
    if approval is None:
        raise InputError(
            f"No version of {registry.spec} is approved. Review the challenger, then "
            f'"overnight approve {registry.spec} challenger --because …".'
        )
    version = registry.get(str(approval.version))
    if wanted and registry.find(wanted) != version:
        raise InputError(
            f"{wanted} is not approved any more; {version} is, by {approval.actor}. Deploy again."
        )
    found = find_digests(spec, registry, version)
    problems = deployment_refusals(approval, ledger=chain, found=found, policy=spec.approval)
    refuse_any(f"the deployment of {version}", list(problems))
    return version, approval


def _deploy(
    spec: ModelSpec, registry: Registry, version: Version, *, kind: Kind, reason: str, digest: str
) -> str:
    from infra.sagemaker.deployment import deploy

    with tempfile.TemporaryDirectory() as scratch:
        # The copy that is deployed is the copy that is compared, with the chain and no tag.
        bundle = fetch_verified(registry, version, target=Path(scratch), digest=digest)
        result = deploy(bundle, endpoint=spec.name, policy=spec.endpoint)
    _refuse_unless_promoted(result, version)

    def promote(chain: Ledger) -> Decision | None:
        if chain.champion == version.number:
            return None
        return draft_decision(
            spec, registry, version, chain, kind=kind, actor=os_actor(),
            reason=f"{reason} {result.config_name}".strip(),
        )  # fmt: skip

    open_decisions(spec, registry).record(promote)
    registry.set_alias(CHAMPION, version)
    log.info("%s serves at %s with %s", version, spec.name, result.config_name)
    return f"endpoints:/{spec.name}/{result.config_name}"


def _refuse_unless_promoted(result: "DeploymentResult", version: Version) -> None:
    if result.outcome != "PROMOTED":
        raise OvernightError(
            f"The deployment of {version} ended {result.outcome}: {result.reason} "
            f"The champion is unchanged. Look at the endpoint {result.endpoint}, then deploy again."
        )
