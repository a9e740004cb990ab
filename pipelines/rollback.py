"""Goes back to the champion before this one: endpoint, thresholds and aliases together.

All traffic at once and with no alarm to wait for: whoever rolls back has seen enough.
"""

from expectations.contract import InputError, OvernightError, refuse_any
from pipelines.approval import changes_since
from pipelines.deployment import PROMOTED, record_promotion
from pipelines.evidence import find_digests, open_decisions
from pipelines.registry import open_registry
from pipelines.releases import champion_digest, laid_out
from pipelines.spec import load_spec


def roll_back(reference: str, *, because: str = "") -> str:
    """See `steps.rollback`."""
    from infra.sagemaker.deployment import put_at_once, turn_back, verify

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
    with laid_out(spec, registry, previous, digest=served.digests.model) as layout:
        turn_back(layout.endpoint)
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
