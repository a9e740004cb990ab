"""Rollback to the champion before, or to the champion that a deployment is replacing.

All traffic moves at once and no alarm is waited for: whoever rolls back has seen enough.
"""

import logging
from dataclasses import replace

from expectations.contract import InputError, OvernightError, refuse_any
from infra.sagemaker import AwsError, endpoint_name
from infra.sagemaker.control import abort, find_leading_digest, update_all_at_once, verify
from pipelines.config import PROMOTED, EndpointReference, ModelSpec, load_registered
from pipelines.deployment.deploy import record_promotion
from pipelines.deployment.releases import champion_digest, endpoint_configuration
from pipelines.governance import (
    LATER,
    Decision,
    DecisionLog,
    changes_since,
    find_damage,
    find_digests,
    open_decisions,
)
from pipelines.tracking import APPROVED, CHAMPION, Registry, open_registry

log = logging.getLogger(__name__)


def roll_back(reference: str, *, because: str = "") -> EndpointReference:
    """Put the champion before back: endpoint and aliases, with a record in the decision log."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    decision_log = open_decisions(spec, registry).load()
    if (unfinished := _find_unfinished(decision_log, registry)) is not None:
        # A rollback that was killed after its record is completed; else this would go back further.
        back = registry.get(str(unfinished.version))
        return record_promotion(spec, registry, back, kind="rollback", reason=unfinished.reason)
    served = _find_target(spec, decision_log)
    previous = registry.get(str(served.version))
    # The model served before, so changes of the report or the description do not matter.
    shown = {name: getattr(served.digests, name) for name in LATER}
    found = replace(find_digests(spec, registry, previous), **shown)
    refuse_any(f"the rollback to {previous}", list(changes_since(served, found)))
    # The bundle is verified, and the model served before: a damaged file of its training set can be
    # made again later and is no reason to keep the present model serving.
    for text in find_damage(spec, previous.tags):
        log.warning("%s", text)
    with endpoint_configuration(
        spec, registry, previous, digest=served.digests.model
    ) as configuration:
        _abort_update(configuration.endpoint)
        update_all_at_once(configuration)
        result = verify(configuration, champion_digest=champion_digest(decision_log))
    if result.outcome != PROMOTED:
        raise OvernightError(
            f"The rollback to {previous} ended {result.outcome}: {result.reason} The champion is "
            f'unchanged in the registry. Look at "overnight status {spec.name}", then roll back '
            "again."
        )
    reason = f"{because} verified to serve {result.config}".strip()
    return record_promotion(spec, registry, previous, kind="rollback", reason=reason)


def _find_unfinished(decision_log: DecisionLog, registry: Registry) -> Decision | None:
    """Return the latest record if it is a rollback whose aliases were not moved yet."""
    last = decision_log.records[-1] if decision_log.records else None
    if last is None or last.kind != "rollback":
        return None
    aliases, replaced = (
        registry.aliases(),
        DecisionLog(decision_log.records[:-1], decision_log.at).champion,
    )
    # If `approved` points at a third version, a reviewer has moved it since.
    is_done = aliases.get(CHAMPION) == last.version and aliases.get(APPROVED) != replaced
    return None if is_done else last


def _find_target(spec: ModelSpec, decision_log: DecisionLog) -> Decision:
    """Return the promotion to go back to.

    While a deployment of another version is unfinished, that is the champion's own promotion,
    unless the other version is the champion before, put there by a rollback that was killed.
    """
    champion = champion_digest(decision_log)
    # Without a champion there is nothing to go back to, whatever the endpoint serves.
    leading = None if champion is None else find_leading_digest(endpoint_name(spec.name))
    is_unfinished = leading not in (None, champion) and not _is_cut_off(decision_log, leading)
    target = decision_log.champion if is_unfinished else decision_log.champion_before
    served = _promotion(decision_log, target)
    if served is None:
        raise InputError(
            f"{spec.name} has no champion before this one to go back to. "
            f'Approve another version: "overnight approve {spec.name} VERSION --because …".'
        )
    return served


def _is_cut_off(decision_log: DecisionLog, leading: str | None) -> bool:
    """Return True if the leading model was put there by a rollback that was killed.

    It is then the champion before, and no deployment of an equal model is in progress.
    """
    before, approved = _promotion(decision_log, decision_log.champion_before), decision_log.approval
    if before is None or before.digests.model != leading:
        return False
    if approved is None or approved.version == decision_log.champion:
        return True
    return approved.digests.model != leading


def _promotion(decision_log: DecisionLog, version: int | None) -> Decision | None:
    return None if version is None else decision_log.last("promotion", version=version)


def _abort_update(endpoint: str) -> None:

    try:
        abort(endpoint)
    except AwsError as error:
        # Without that permission the rollback waits until the update has ended by itself.
        log.warning("Waiting for the update in progress: %s", error)
