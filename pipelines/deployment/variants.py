"""A second variant beside the champion: a shadow, or the candidate of an A/B test.

A shadow decides nothing, so acceptance by the gate is enough. The candidate of an A/B test decides
about customers, so it needs the same as an approval, and is recorded in the decision log like one.
"""

import logging
import re
from collections.abc import Callable

from expectations.contract import InputError, OvernightError, refuse_any
from infra.sagemaker.control import (
    EndpointConfiguration,
    require_serving,
    update_all_at_once,
    verify,
    with_candidate,
    with_shadow,
)
from pipelines.config import (
    PROMOTED,
    EndpointReference,
    ModelSpec,
    approval_rules,
    load_registered,
)
from pipelines.config.installation import os_actor
from pipelines.deployment.releases import champion_digest, endpoint_configuration, verified_release
from pipelines.governance import (
    ACCEPTED,
    Decision,
    DecisionLog,
    Kind,
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

log = logging.getLogger(__name__)


def begin_shadow(reference: str, wanted: str, *, percent: str) -> EndpointReference:
    """Start a shadow: a registered version that answers copies of the traffic."""
    share = _read_percent(percent, most=100)
    spec = load_registered(reference)
    registry = open_registry(spec)
    version = registry.get(wanted)

    def refuse(decision_log: DecisionLog) -> None:
        found = find_digests(spec, registry, version)
        problems = shadow_refusals(version.number, decision_log=decision_log, found=found)
        refuse_any(f"the shadow {version}", [*problems, *find_damage(spec, version.tags)])

    return _begin(spec, registry, version, refuse, kind="shadow", share=share, because="")


def begin_ab_test(
    reference: str, wanted: str, *, because: str, percent: str, override: str = ""
) -> EndpointReference:
    """Start an A/B test: a version answers a share of the traffic beside the champion."""
    share = _read_percent(percent, most=99)
    require_reason(because)
    spec = load_registered(reference)
    registry = open_registry(spec)
    version = registry.get(wanted)

    def refuse(decision_log: DecisionLog) -> None:
        problems = approval_refusals(
            version.number, decision_log=decision_log, found=find_digests(spec, registry, version),
            author=author_of(version.tags), approver=os_actor(),
            policy=approval_rules(spec, version.tags), is_override=bool(override.strip()),
        )  # fmt: skip
        refuse_any(f"the A/B test with {version}", [*problems, *find_damage(spec, version.tags)])

    registered = open_decisions(spec, registry).load().registration(version.number)
    why = because
    if override.strip() and registered is not None and registered.gate != ACCEPTED:
        why = f"{because}; the gate's refusal set aside: {override}"
    return _begin(spec, registry, version, refuse, kind="split", share=share, because=why)


def end_variant(reference: str) -> EndpointReference:
    """End the shadow or the A/B test: the champion alone serves again."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    decision_log = open_decisions(spec, registry).load()
    champion = _champion(spec, registry, decision_log)
    with endpoint_configuration(
        spec, registry, champion, digest=champion_digest(decision_log)
    ) as configuration:
        _require_champion(configuration, decision_log)
        _put(configuration, decision_log)
    variant = decision_log.variant
    if variant is not None:
        version = registry.get(str(variant.version))
        _record(spec, registry, version, kind="end", reason=f"the {variant.kind} ended")
    log.info("%s alone serves at %s", champion, spec.name)
    return EndpointReference(spec.name, champion.number)


def _begin(
    spec: ModelSpec, registry: Registry, version: Version, refuse: Callable[[DecisionLog], None], *,
    kind: Kind, share: float, because: str,
) -> EndpointReference:  # fmt: skip

    decision_log = open_decisions(spec, registry).load()
    champion = _champion(spec, registry, decision_log)
    if version == champion:
        raise InputError(f"{version} is the champion; name another version to put beside it.")
    refuse(decision_log)
    beside = with_shadow if kind == "shadow" else with_candidate
    registered = decision_log.registration(version.number)
    digest = None if registered is None else registered.digests.model
    with (
        endpoint_configuration(
            spec, registry, champion, digest=champion_digest(decision_log)
        ) as configuration,
        verified_release(registry, version, digest=digest) as release,
    ):
        _require_champion(configuration, decision_log)
        # Recorded first: whatever is killed, every version that answers is in the decision log.
        reason = f"{because} ({share:.0%} of the traffic)".strip()
        _record(spec, registry, version, kind=kind, reason=reason, refuse=refuse)
        try:
            _put(beside(configuration, release, share=share), decision_log)
        except OvernightError:
            _record(spec, registry, version, kind="end", reason=f"the {kind} did not come up")
            raise
    log.info("%s is a %s beside %s: %.0f %%", version, kind, champion, 100 * share)
    return EndpointReference(spec.name, champion.number, beside=version.number)


def _require_champion(configuration: EndpointConfiguration, decision_log: DecisionLog) -> None:

    require_serving(configuration.endpoint, digest=str(champion_digest(decision_log)))


def _put(configuration: EndpointConfiguration, decision_log: DecisionLog) -> None:

    problem = update_all_at_once(configuration)
    result = verify(configuration, champion_digest=champion_digest(decision_log))
    if problem or result.outcome != PROMOTED:
        raise OvernightError(
            f"{configuration.endpoint} did not reach {configuration.config}: "
            f"{problem or result.reason} The champion is unchanged. Fix the cause and run it again."
        )


def _champion(spec: ModelSpec, registry: Registry, decision_log: DecisionLog) -> Version:
    if decision_log.champion is None:
        raise InputError(f"{spec.name} has no champion yet. Approve a version and deploy it first.")
    return registry.get(str(decision_log.champion))


def _record(
    spec: ModelSpec, registry: Registry, version: Version, *, kind: Kind, reason: str,
    refuse: Callable[[DecisionLog], None] | None = None,
) -> None:  # fmt: skip
    def write(decision_log: DecisionLog) -> Decision | None:
        if refuse is not None:
            refuse(decision_log)
        current = decision_log.variant
        if current is not None and (current.kind, current.version, current.reason) == (
            kind, version.number, reason,
        ):  # fmt: skip
            return None
        return draft_decision(
            spec, registry, version, decision_log, kind=kind, actor=os_actor(), reason=reason
        )

    open_decisions(spec, registry).record(write)


def _read_percent(text: str, *, most: int) -> float:
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= most:
        raise InputError(f"{text!r} is no share of the traffic: give a whole number, 1 to {most}.")
    return int(text) / 100
