"""Deployment of an approved version; only a version that was verified to serve becomes champion.

Three steps, each of which may be run again: `roll_out` moves the traffic, `verify` checks what
serves, `finalise` records the outcome in the decision log and moves the alias.
"""

import logging
from dataclasses import replace

from expectations.contract import InputError, OutcomeError, OvernightError, refuse_any
from infra.sagemaker import endpoint_name
from infra.sagemaker.control import (
    DeploymentResult,
    delete_endpoint,
    is_live,
    plan,
    remove_stale_alarms,
    roll_out,
    update_all_at_once,
    verify,
)
from pipelines.config import (
    PROMOTED,
    ROLLED_BACK,
    DeploymentOutcome,
    EndpointReference,
    ModelSpec,
    ModelVersion,
    approval_rules,
    load_registered,
)
from pipelines.config.installation import os_actor
from pipelines.deployment.releases import champion_digest, endpoint_configuration
from pipelines.governance import (
    Decision,
    DecisionLog,
    Kind,
    deployment_refusals,
    draft_decision,
    find_damage,
    find_digests,
    open_decisions,
)
from pipelines.tracking import APPROVED, CHAMPION, Registry, Version, open_registry

log = logging.getLogger(__name__)


def plan_approved(reference: str, *, version: str | None = "") -> str:
    """Describe the changes that a deployment would make.

    Args:
        reference: the spec.
        version: the one expected to be approved; empty: any; None: none is approved.
    """
    if version is None:
        return "Nothing is approved, so nothing would be deployed"
    spec = load_registered(reference)
    registry = open_registry(spec)
    approved, approval = find_approval(spec, registry, version)
    with endpoint_configuration(
        spec, registry, approved, digest=approval.digests.model
    ) as configuration:
        text = plan(configuration).describe()
    return f"Deploying {approved}:\n{text}"


def roll_out_approved(
    reference: str, *, version: str | None = "", is_dry_run: bool = False
) -> ModelVersion | None:
    """Roll the approved version out to the endpoint; return it, or None if nothing was deployed.

    Args:
        reference: the spec.
        version: the one expected to be approved; empty: any; None: none is approved.
        is_dry_run: True to stop before anything is changed.
    """
    if version is None:
        log.info("Nothing is approved, so nothing is deployed")
        return None
    spec = load_registered(reference)
    registry = open_registry(spec)
    approved, approval = find_approval(spec, registry, version)
    if is_dry_run:
        log.info("A dry run: %s is not deployed", approved)
        return None
    with endpoint_configuration(
        spec, registry, approved, digest=approval.digests.model
    ) as configuration:
        roll_out(configuration)
    return approved.reference


def verify_deployed(reference: str, version: str) -> DeploymentOutcome:
    """Verify what the endpoint serves; a wrong model is replaced by the champion, or removed."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    decision_log = open_decisions(spec, registry).load()
    deployed = registry.get(version)
    digest = find_digests(spec, registry, deployed).model
    with endpoint_configuration(spec, registry, deployed, digest=digest) as configuration:
        result = verify(configuration, champion_digest=champion_digest(decision_log))
    if result.is_wrong_model and decision_log.champion is None:
        result = _delete_endpoint(result)
    elif result.is_wrong_model and decision_log.champion != deployed.number:
        result = _restore_champion(spec, registry, decision_log, because=result.reason)
    return DeploymentOutcome(result.outcome, result.config, result.reason)


def finalise_deployment(
    reference: str, version: str, outcome: DeploymentOutcome
) -> EndpointReference:
    """Record the outcome of a deployment in the decision log, and move `champion` on success.

    Raises:
        OutcomeError: when the deployment did not end with a promotion.
    """
    spec = load_registered(reference)
    registry = open_registry(spec)
    deployed = registry.get(version)
    if outcome.verdict == PROMOTED:
        _require_live(spec, deployed, outcome.config)
        reason = f"verified to serve {outcome.config}"
        serves = record_promotion(spec, registry, deployed, kind="promotion", reason=reason)
        _tidy_alarms(spec, registry)
        return serves
    ended = f"{outcome.verdict}: {outcome.reason}"
    _record_failure(spec, registry, deployed, reason=ended)
    raise OutcomeError(
        f"The deployment of {deployed} ended {ended} No alias was moved. Look "
        f'at "overnight status {spec.name}", then deploy again or reject the version.'
    )


def deploy_approved(reference: str, *, version: str | None = "") -> EndpointReference | None:
    """Roll out, verify and finalise the approved version; None where none is approved."""
    deployed = roll_out_approved(reference, version=version)
    if deployed is None:
        return None
    return finalise_deployment(reference, str(deployed), verify_deployed(reference, str(deployed)))


def find_approval(spec: ModelSpec, registry: Registry, wanted: str) -> tuple[Version, Decision]:
    """Return the version whose approval is in force and may still be deployed, and the approval.

    Raises:
        InputError: when none is, or another than the wanted one.
        ProblemsError: with every reason against its deployment.
    """
    decision_log = open_decisions(spec, registry).load()
    approval = decision_log.approval
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
    problems = deployment_refusals(approval, decision_log=decision_log, found=found, policy=policy)
    refuse_any(f"the deployment of {version}", [*problems, *find_damage(spec, version.tags)])
    return version, approval


def record_promotion(
    spec: ModelSpec, registry: Registry, version: Version, *, kind: Kind, reason: str
) -> EndpointReference:
    """Record that a version was verified to serve, and move the aliases; once for each change.

    Raises:
        InputError: when its approval was withdrawn during the deployment.
    """

    def promote(decision_log: DecisionLog) -> Decision | None:
        in_force = None if decision_log.approval is None else decision_log.approval.version
        if decision_log.champion == version.number and version.number == in_force:
            return None
        if kind == "promotion" and decision_log.champion == version.number:
            return None
        if kind == "promotion" and in_force != version.number:
            raise InputError(
                f"{version} serves, but is not approved any more. Go back with "
                f'"overnight rollback {spec.name}", or approve another version and deploy it.'
            )
        return draft_decision(
            spec, registry, version, decision_log, kind=kind, actor=os_actor(), reason=reason
        )

    open_decisions(spec, registry).record(promote)
    registry.set_alias(CHAMPION, version)
    if kind == "rollback":
        # The alias that a reviewer set moves too; else the next deployment would undo the rollback.
        registry.set_alias(APPROVED, version)
    log.info("%s serves at %s: %s", version, spec.name, reason)
    return EndpointReference(spec.name, version.number)


def _require_live(spec: ModelSpec, version: Version, config: str) -> None:
    """Raise an error unless the verified configuration still serves."""
    if not is_live(endpoint_name(spec.name), config):
        raise OvernightError(
            f"{version} was verified at {config}, which does not serve any more: somebody changed "
            "the endpoint. The champion is unchanged. Deploy again."
        )


def _delete_endpoint(result: DeploymentResult) -> DeploymentResult:
    """Delete an endpoint that serves a wrong model when there is no champion to restore."""
    delete_endpoint(result.endpoint)
    reason = f"{result.reason} The endpoint was deleted; nothing served before it."
    return replace(result, outcome=ROLLED_BACK, reason=reason)


def _restore_champion(
    spec: ModelSpec, registry: Registry, decision_log: DecisionLog, *, because: str
) -> DeploymentResult:
    """Put the champion back in place of a model that answers otherwise than in training."""
    digest = champion_digest(decision_log)
    champion = registry.get(str(decision_log.champion))
    log.warning("%s Putting %s back", because, champion)
    with endpoint_configuration(spec, registry, champion, digest=digest) as configuration:
        update_all_at_once(configuration)
        result = verify(configuration, champion_digest=digest)
    if result.outcome == PROMOTED:
        return replace(result, outcome=ROLLED_BACK, reason=f"{because} {champion} serves again.")
    return replace(result, reason=f"{because} And then: {result.reason}")


def _tidy_alarms(spec: ModelSpec, registry: Registry) -> None:
    """Keep the alarms of the champion, and of the version that a rollback goes back to."""
    decision_log = open_decisions(spec, registry).load()
    served = (
        decision_log.last("promotion", version=n)
        for n in (decision_log.champion, decision_log.champion_before)
    )
    keep = {record.digests.model for record in served if record is not None}
    try:
        remove_stale_alarms(endpoint_name(spec.name), keep=keep)
    except OvernightError as error:
        # The deployment is done; the next one tidies up.
        log.warning("Old alarms stay: %s", error)


def _record_failure(spec: ModelSpec, registry: Registry, version: Version, *, reason: str) -> None:
    def fail(decision_log: DecisionLog) -> Decision | None:
        last = decision_log.records[-1] if decision_log.records else None
        if last and (last.kind, last.version, last.reason) == ("failure", version.number, reason):
            return None
        return draft_decision(
            spec, registry, version, decision_log, kind="failure", actor=os_actor(), reason=reason
        )

    open_decisions(spec, registry).record(fail)
