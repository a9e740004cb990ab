"""A second version beside the champion: a shadow that answers nobody, or one side of a split.

A shadow decides nothing, so the gate's yes is enough. One side of a split decides about
customers, so it needs what an approval needs, and goes into the decision chain like one.
"""

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from expectations.contract import InputError, OvernightError, refuse_any
from pipelines.config import ModelSpec, approval_rules, load_registered
from pipelines.config.installation import os_actor
from pipelines.deployment.deploy import PROMOTED
from pipelines.deployment.releases import champion_digest, laid_out, releasing
from pipelines.governance import (
    ACCEPTED,
    Decision,
    Kind,
    Ledger,
    approval_refusals,
    author_of,
    draft_decision,
    find_damage,
    find_digests,
    open_decisions,
    require_reason,
    shadow_refusals,
)
from pipelines.tracking import Registry, Version, open_registry

if TYPE_CHECKING:
    from infra.sagemaker.control import Layout

log = logging.getLogger(__name__)


def begin_shadow(reference: str, wanted: str, *, percent: str) -> str:
    """See `steps.shadow`."""
    share = _read_percent(percent, most=100)
    spec = load_registered(reference)
    registry = open_registry(spec)
    version = registry.get(wanted)

    def refuse(chain: Ledger) -> None:
        found = find_digests(spec, registry, version)
        problems = shadow_refusals(version.number, ledger=chain, found=found)
        refuse_any(f"the shadow {version}", [*problems, *find_damage(spec, version.tags)])

    return _begin(spec, registry, version, refuse, kind="shadow", share=share, because="")


def begin_split(
    reference: str, wanted: str, *, because: str, percent: str, override: str = ""
) -> str:
    """See `steps.split`."""
    share = _read_percent(percent, most=99)
    require_reason(because)
    spec = load_registered(reference)
    registry = open_registry(spec)
    version = registry.get(wanted)

    def refuse(chain: Ledger) -> None:
        problems = approval_refusals(
            version.number, ledger=chain, found=find_digests(spec, registry, version),
            author=author_of(version.tags), approver=os_actor(),
            policy=approval_rules(spec, version.tags), is_override=bool(override.strip()),
        )  # fmt: skip
        refuse_any(f"the split with {version}", [*problems, *find_damage(spec, version.tags)])

    registered = open_decisions(spec, registry).load().registration(version.number)
    why = because
    if override.strip() and registered is not None and registered.gate != ACCEPTED:
        why = f"{because}; the gate's refusal set aside: {override}"
    return _begin(spec, registry, version, refuse, kind="split", share=share, because=why)


def end_companion(reference: str) -> str:
    """See `steps.end`."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    chain = open_decisions(spec, registry).load()
    champion = _champion(spec, registry, chain)
    with laid_out(spec, registry, champion, digest=champion_digest(chain)) as layout:
        _require_champion(layout, chain)
        _put(layout, chain)
    companion = chain.companion
    if companion is not None:
        version = registry.get(str(companion.version))
        _record(spec, registry, version, kind="end", reason=f"the {companion.kind} ended")
    log.info("%s alone serves at %s", champion, spec.name)
    return f"endpoints:/{spec.name}/{champion.number}"


def _begin(
    spec: ModelSpec, registry: Registry, version: Version, refuse: Callable[[Ledger], None], *,
    kind: Kind, share: float, because: str,
) -> str:  # fmt: skip
    from infra.sagemaker.control import with_candidate, with_shadow

    chain = open_decisions(spec, registry).load()
    champion = _champion(spec, registry, chain)
    if version == champion:
        raise InputError(f"{version} is the champion; name another version to put beside it.")
    refuse(chain)
    beside = with_shadow if kind == "shadow" else with_candidate
    registered = chain.registration(version.number)
    digest = None if registered is None else registered.digests.model
    with (
        laid_out(spec, registry, champion, digest=champion_digest(chain)) as layout,
        releasing(registry, version, digest=digest) as release,
    ):
        _require_champion(layout, chain)
        # Recorded before it answers anybody: what answers is in the chain, whatever is killed.
        reason = f"{because} ({share:.0%} of the traffic)".strip()
        _record(spec, registry, version, kind=kind, reason=reason, refuse=refuse)
        try:
            _put(beside(layout, release, share=share), chain)
        except OvernightError:
            _record(spec, registry, version, kind="end", reason=f"the {kind} did not come up")
            raise
    log.info("%s is a %s beside %s: %.0f %%", version, kind, champion, 100 * share)
    return f"endpoints:/{spec.name}/{champion.number}+{version.number}"


def _require_champion(layout: "Layout", chain: Ledger) -> None:
    from infra.sagemaker.control import require_serving

    require_serving(layout.endpoint, digest=str(champion_digest(chain)))


def _put(layout: "Layout", chain: Ledger) -> None:
    from infra.sagemaker.control import put_at_once, verify

    problem = put_at_once(layout)
    result = verify(layout, champion_digest=champion_digest(chain))
    if problem or result.outcome != PROMOTED:
        raise OvernightError(
            f"{layout.endpoint} did not come to {layout.config}: {problem or result.reason} "
            "The champion is unchanged. Mend the cause and run it again."
        )


def _champion(spec: ModelSpec, registry: Registry, chain: Ledger) -> Version:
    if chain.champion is None:
        raise InputError(
            f"{spec.name} has no champion to stand beside. Approve a version and deploy it first."
        )
    return registry.get(str(chain.champion))


def _record(
    spec: ModelSpec, registry: Registry, version: Version, *, kind: Kind, reason: str,
    refuse: Callable[[Ledger], None] | None = None,
) -> None:  # fmt: skip
    def write(chain: Ledger) -> Decision | None:
        if refuse is not None:
            refuse(chain)
        held = chain.companion
        if held is not None and (held.kind, held.version, held.reason) == (
            kind, version.number, reason,
        ):  # fmt: skip
            return None
        return draft_decision(
            spec, registry, version, chain, kind=kind, actor=os_actor(), reason=reason
        )

    open_decisions(spec, registry).record(write)


def _read_percent(text: str, *, most: int) -> float:
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= most:
        raise InputError(f"{text!r} is no share of the traffic: give a whole number, 1 to {most}.")
    return int(text) / 100
