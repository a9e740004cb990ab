"""Deploys what a reviewer approved, and names as champion only what was verified to serve.

Three steps, each of which may be run again: `roll_out` moves the traffic, `verify` finds out what
serves, `settle` writes it into the decision chain and moves the alias.
"""

import logging
from typing import TYPE_CHECKING

from expectations.contract import InputError, OutcomeError, OvernightError, refuse_any
from pipelines.config import ModelSpec, approval_rules, load_registered
from pipelines.config.installation import os_actor
from pipelines.deployment.releases import champion_digest, laid_out
from pipelines.governance import (
    NOTHING,
    Decision,
    Kind,
    Ledger,
    deployment_refusals,
    draft_decision,
    find_damage,
    find_digests,
    open_decisions,
)
from pipelines.tracking import APPROVED, CHAMPION, Registry, Version, open_registry

if TYPE_CHECKING:
    from infra.sagemaker.control import DeploymentResult

PROMOTED = "PROMOTED"
YES = ("yes", "true")

log = logging.getLogger(__name__)


def plan_approved(reference: str, *, version: str = "") -> str:
    """See `steps.plan`."""
    from infra.sagemaker.control import plan

    if version == NOTHING:
        return "Nothing is approved, so nothing would be deployed"
    spec = load_registered(reference)
    registry = open_registry(spec)
    approved, approval = find_approval(spec, registry, version)
    with laid_out(spec, registry, approved, digest=approval.digests.model) as layout:
        text = plan(layout).describe()
    return f"Deploying {approved}:\n{text}"


def roll_out_approved(reference: str, *, version: str = "", dry_run: str = "") -> str:
    """See `steps.roll_out`."""
    from infra.sagemaker.control import roll_out

    if version == NOTHING:
        log.info("Nothing is approved, so nothing is deployed")
        return NOTHING
    spec = load_registered(reference)
    registry = open_registry(spec)
    approved, approval = find_approval(spec, registry, version)
    if dry_run.lower() in YES:
        log.info("A dry run: %s is not deployed", approved)
        return NOTHING
    with laid_out(spec, registry, approved, digest=approval.digests.model) as layout:
        roll_out(layout)
    return str(approved)


def verify_deployed(reference: str, version: str) -> str:
    """See `steps.verify`."""
    from infra.sagemaker.control import verify

    if version == NOTHING:
        return NOTHING
    spec = load_registered(reference)
    registry = open_registry(spec)
    chain = open_decisions(spec, registry).load()
    deployed = registry.get(version)
    digest = find_digests(spec, registry, deployed).model
    with laid_out(spec, registry, deployed, digest=digest) as layout:
        result = verify(layout, champion_digest=champion_digest(chain))
    if result.is_wrong_model and chain.champion is None:
        result = _take_down(result)
    elif result.is_wrong_model and chain.champion != deployed.number:
        result = _put_champion_back(spec, registry, chain, because=result.reason)
    return f"{result.outcome} {result.config}: {result.reason}".rstrip(": ")


def settle_deployment(reference: str, version: str, outcome: str) -> str:
    """See `steps.settle`."""
    if NOTHING in (version, outcome):
        log.info("Nothing to do: nothing was deployed")
        return NOTHING
    spec = load_registered(reference)
    registry = open_registry(spec)
    deployed = registry.get(version)
    verdict, _, told = outcome.partition(" ")
    config, _, reason = told.partition(": ")
    if verdict == PROMOTED:
        _refuse_unless_live(spec, deployed, config)
        reason = f"verified to serve {config}"
        serves = record_promotion(spec, registry, deployed, kind="promotion", reason=reason)
        _tidy_alarms(spec, registry)
        return serves
    _record_failure(spec, registry, deployed, reason=f"{verdict}: {reason}")
    raise OutcomeError(
        f"The deployment of {deployed} ended {verdict}: {reason} No alias was moved. Look "
        f'at "overnight status {spec.name}", then deploy again or reject the version.'
    )


def deploy_approved(reference: str, *, version: str = "") -> str:
    """See `steps.deploy`."""
    deployed = roll_out_approved(reference, version=version)
    return settle_deployment(reference, deployed, verify_deployed(reference, deployed))


def find_approval(spec: ModelSpec, registry: Registry, wanted: str) -> tuple[Version, Decision]:
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
    policy = approval_rules(spec, version.tags)
    problems = deployment_refusals(approval, ledger=chain, found=found, policy=policy)
    refuse_any(f"the deployment of {version}", [*problems, *find_damage(spec, version.tags)])
    return version, approval


def record_promotion(
    spec: ModelSpec, registry: Registry, version: Version, *, kind: Kind, reason: str
) -> str:
    """Write that a version was verified to serve, and move the aliases; once for each change.

    Raises:
        InputError: when its approval was taken back while it was deployed.
    """

    def promote(chain: Ledger) -> Decision | None:
        in_force = None if chain.approval is None else chain.approval.version
        if chain.champion == version.number and version.number == in_force:
            return None
        if kind == "promotion" and chain.champion == version.number:
            return None
        if kind == "promotion" and in_force != version.number:
            raise InputError(
                f"{version} serves, but is not approved any more. Go back with "
                f'"overnight rollback {spec.name}", or approve another version and deploy it.'
            )
        return draft_decision(
            spec, registry, version, chain, kind=kind, actor=os_actor(), reason=reason
        )

    open_decisions(spec, registry).record(promote)
    registry.set_alias(CHAMPION, version)
    if kind == "rollback":
        # The alias a reviewer set goes back too: else the next deploy would undo the rollback.
        registry.set_alias(APPROVED, version)
    log.info("%s serves at %s: %s", version, spec.name, reason)
    return f"endpoints:/{spec.name}/{version.number}"


def _refuse_unless_live(spec: ModelSpec, version: Version, config: str) -> None:
    """What was verified a while ago may serve no more."""
    from infra.sagemaker.control import is_live
    from infra.sagemaker.names import endpoint_name

    if not is_live(endpoint_name(spec.name), config):
        raise OvernightError(
            f"{version} was verified at {config}, which does not serve any more: somebody changed "
            "the endpoint. The champion is unchanged. Deploy again."
        )


def _take_down(result: "DeploymentResult") -> "DeploymentResult":
    """There is no champion to put back, and a wrong model must not go on deciding."""
    from dataclasses import replace

    from infra.sagemaker.control import take_down

    take_down(result.endpoint)
    reason = f"{result.reason} The endpoint was taken down; nothing served before it."
    return replace(result, outcome="ROLLED_BACK", reason=reason)


def _put_champion_back(
    spec: ModelSpec, registry: Registry, chain: Ledger, *, because: str
) -> "DeploymentResult":
    """A model that answers otherwise than training must not go on deciding."""
    from dataclasses import replace

    from infra.sagemaker.control import put_at_once, verify

    digest = champion_digest(chain)
    champion = registry.get(str(chain.champion))
    log.warning("%s Putting %s back", because, champion)
    with laid_out(spec, registry, champion, digest=digest) as layout:
        put_at_once(layout)
        result = verify(layout, champion_digest=digest)
    if result.outcome == PROMOTED:
        return replace(result, outcome="ROLLED_BACK", reason=f"{because} {champion} serves again.")
    return replace(result, reason=f"{because} And then: {result.reason}")


def _tidy_alarms(spec: ModelSpec, registry: Registry) -> None:
    """Keep the alarms of the champion, and of the version that a rollback goes back to."""
    from infra.sagemaker.control import remove_stale_alarms
    from infra.sagemaker.names import endpoint_name

    chain = open_decisions(spec, registry).load()
    served = (chain.last("promotion", version=n) for n in (chain.champion, chain.champion_before))
    keep = {record.digests.model for record in served if record is not None}
    try:
        remove_stale_alarms(endpoint_name(spec.name), keep=keep)
    except OvernightError as error:
        # The deployment is done; the next one tidies up.
        log.warning("Old alarms stay: %s", error)


def _record_failure(spec: ModelSpec, registry: Registry, version: Version, *, reason: str) -> None:
    def fail(chain: Ledger) -> Decision | None:
        last = chain.records[-1] if chain.records else None
        if last and (last.kind, last.version, last.reason) == ("failure", version.number, reason):
            return None
        return draft_decision(
            spec, registry, version, chain, kind="failure", actor=os_actor(), reason=reason
        )

    open_decisions(spec, registry).record(fail)
