"""Goes back to the champion: to the one before, or to the one that a deployment is replacing.

All traffic at once and with no alarm to wait for: whoever rolls back has seen enough.
"""

import logging
from dataclasses import replace

from expectations.contract import InputError, OvernightError, refuse_any
from pipelines.config import ModelSpec, load_registered
from pipelines.deployment.deploy import PROMOTED, record_promotion
from pipelines.deployment.releases import champion_digest, laid_out
from pipelines.governance import (
    LATER,
    Decision,
    Ledger,
    changes_since,
    find_damage,
    find_digests,
    open_decisions,
)
from pipelines.tracking import APPROVED, CHAMPION, Registry, open_registry

log = logging.getLogger(__name__)


def roll_back(reference: str, *, because: str = "") -> str:
    """See `steps.rollback`."""
    from infra.sagemaker.control import put_at_once, verify

    spec = load_registered(reference)
    registry = open_registry(spec)
    chain = open_decisions(spec, registry).load()
    if (unfinished := _find_unfinished(chain, registry)) is not None:
        # One that was cut off after its record is carried on with: else this would go back further.
        back = registry.get(str(unfinished.version))
        return record_promotion(spec, registry, back, kind="rollback", reason=unfinished.reason)
    served = _find_target(spec, chain)
    previous = registry.get(str(served.version))
    # Of a model that has served before, what reviewers were shown decides nothing any more.
    shown = {name: getattr(served.digests, name) for name in LATER}
    found = replace(find_digests(spec, registry, previous), **shown)
    refuse_any(f"the rollback to {previous}", list(changes_since(served, found)))
    # Its bundle is verified, and it served before: a damaged file of what it was trained on, which
    # can be made again later, is no reason to go on with what has to be taken back now.
    for text in find_damage(spec, previous.tags):
        log.warning("%s", text)
    with laid_out(spec, registry, previous, digest=served.digests.model) as layout:
        _end_update(layout.endpoint)
        put_at_once(layout)
        result = verify(layout, champion_digest=champion_digest(chain))
    if result.outcome != PROMOTED:
        raise OvernightError(
            f"The rollback to {previous} ended {result.outcome}: {result.reason} The champion is "
            f'unchanged in the registry. Look at "overnight status {spec.name}", then roll back '
            "again."
        )
    reason = f"{because} verified to serve {result.config}".strip()
    return record_promotion(spec, registry, previous, kind="rollback", reason=reason)


def _find_unfinished(chain: Ledger, registry: Registry) -> Decision | None:
    """The newest record, when it is a rollback whose aliases were not moved yet."""
    last = chain.records[-1] if chain.records else None
    if last is None or last.kind != "rollback":
        return None
    aliases, replaced = registry.aliases(), Ledger(chain.records[:-1], chain.at).champion
    # An alias `approved` on a third version is a reviewer's, who moved it since.
    is_done = aliases.get(CHAMPION) == last.version and aliases.get(APPROVED) != replaced
    return None if is_done else last


def _find_target(spec: ModelSpec, chain: Ledger) -> Decision:
    """The promotion to go back to.

    While another version is on its way, or serves and was not settled, that is the champion's own;
    unless that other is the champion before, which a rollback that was cut off has moved to.
    """
    from infra.sagemaker.control import find_leading_digest
    from infra.sagemaker.names import endpoint_name

    champion = champion_digest(chain)
    # Without a champion there is nothing to go back to, whatever the endpoint serves.
    leading = None if champion is None else find_leading_digest(endpoint_name(spec.name))
    is_unsettled = leading not in (None, champion) and not _is_cut_off(chain, leading)
    target = chain.champion if is_unsettled else chain.champion_before
    served = _promotion(chain, target)
    if served is None:
        raise InputError(
            f"{spec.name} has no champion before this one to go back to. "
            f'Approve another version: "overnight approve {spec.name} VERSION --because …".'
        )
    return served


def _is_cut_off(chain: Ledger, leading: str | None) -> bool:
    """Whether what leads is the champion before, and no deployment of an equal model led there."""
    before, approved = _promotion(chain, chain.champion_before), chain.approval
    if before is None or before.digests.model != leading:
        return False
    if approved is None or approved.version == chain.champion:
        return True
    return approved.digests.model != leading


def _promotion(chain: Ledger, version: int | None) -> Decision | None:
    return None if version is None else chain.last("promotion", version=version)


def _end_update(endpoint: str) -> None:
    from infra.sagemaker.connection import AwsError
    from infra.sagemaker.control import turn_back

    try:
        turn_back(endpoint)
    except AwsError as error:
        # Without that permission it takes until the update has ended by itself.
        log.warning("The update that goes on is waited for: %s", error)
