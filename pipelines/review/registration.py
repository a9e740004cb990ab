"""The step `register`: a run's model becomes a version, recorded, with its report for reviewers."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from expectations.contract import InputError, OvernightError, refuse_any
from pipelines.config import is_changed, load_spec
from pipelines.config.installation import os_actor
from pipelines.governance import (
    ACCEPTED,
    AUTHOR,
    Decision,
    Ledger,
    draft_decision,
    find_damage,
    open_decisions,
)
from pipelines.lake import parse_as_of
from pipelines.modelling import open_trained
from pipelines.tracking import (
    AS_OF,
    CHALLENGER,
    DIGEST,
    EXPERIMENT,
    GATE,
    GATE_REASONS,
    SPEC,
    Registry,
    describe_maker,
    is_of_another,
    open_registry,
    refuse_other_kinds,
)

ASKS = ("automatic", "yes", "no")

log = logging.getLogger(__name__)


def register_challenger(reference: str, as_of: str, *, run: str, ask: str = "yes") -> str:
    """See `steps.register`."""
    from pipelines.review.report import publish_report

    if ask not in ASKS:
        raise InputError(f"ask {ask!r} is none of {', '.join(ASKS)}. Give one of them.")
    spec = load_spec(reference)
    registry = open_registry(spec)
    run_id = run.removeprefix("runs:/")
    held = registry.runs.tags(run_id)
    refuse_other_kinds(run, held)
    is_kept = is_changed(reference) and is_of_another(held, spec_digest=spec.digest)
    if ask == "no" or (ask == "automatic" and is_changed(reference)):
        log.info("Not registered: %s", _describe(run, held, is_kept=is_kept))
        return run
    if is_kept:
        raise InputError(
            f"{run} is the run of {describe_maker(held)}, and {reference} changes nothing of the "
            f'model. Register it as what it is: overnight register "{held.get(SPEC)}" '
            f"--run {run} --as-of {held.get(AS_OF)}"
        )
    made = open_trained(spec).get(run_id)
    recorded = held.get(AS_OF)
    if recorded is None or parse_as_of(recorded) != parse_as_of(as_of):
        raise InputError(f"{run} was trained as of {recorded}, not {as_of}. Name its own as_of.")
    tags = {k: v for k, v in held.items() if k.startswith("overnight.")}
    if GATE not in tags:
        raise InputError(f"{run} was not evaluated. Run the evaluate step for it first.")
    if tags.get(DIGEST) != made.bundle_digest:
        raise OvernightError(
            f"{run} names the bundle {str(tags.get(DIGEST))[:12]}, and train recorded "
            f"{made.bundle_digest[:12]}: it was changed since. Train again, register the new run."
        )
    refuse_any(f"the registration of {run}", find_damage(spec, tags))
    # Of who asked for it the lake knows; a tag of the run may be another's.
    version = registry.register(run_id, tags={**tags, AUTHOR: made.author})
    decisions = open_decisions(spec, registry)
    if decisions.load().registration(version.number) is None:
        # Before the record, which holds the digest of what reviewers are shown.
        publish_report(spec, registry, version)
        version = registry.get(str(version.number))

    def enter(chain: Ledger) -> Decision | None:
        if chain.registration(version.number):
            return None
        drafted = draft_decision(
            spec, registry, version, chain, kind="registration", actor=os_actor(),
            reason=f"nightly run as of {as_of}",
        )  # fmt: skip
        newer = _newer_challenger(registry, chain, as_of)
        return replace(drafted, gate=newer) if newer and drafted.gate == ACCEPTED else drafted

    ledger = decisions.record(enter)
    if ledger.challenger == version.number and CHALLENGER not in version.aliases:
        registry.set_alias(CHALLENGER, version)
    entered = ledger.registration(version.number)
    if entered is not None and entered.gate == ACCEPTED:
        log.info("Registered %s from %s", version, run)
    else:
        why = tags.get(GATE_REASONS) if tags[GATE] != ACCEPTED or not entered else entered.gate
        log.warning("Registered %s, no challenger: %s", version, why)
    return str(version)


def _describe(run: str, made: Mapping[str, str], *, is_kept: bool) -> str:
    """Why a run is not registered unasked.

    Args:
        run: that the changed spec ended with.
        made: its tags.
        is_kept: whether somebody else's run is what the experiment ended with.
    """
    if is_kept:
        return f"the experiment changes nothing of the model of {run}, of {describe_maker(made)}"
    if made.get(EXPERIMENT) == "yes":
        return f"{run} is an experiment. Register it by hand if it is good"
    return f"{run}, as it was asked"


def _newer_challenger(registry: Registry, chain: Ledger, as_of: str) -> str:
    """Why a night of the past makes no challenger; empty when it makes one.

    Args:
        registry: of the spec.
        chain: before the registration.
        as_of: knowledge time of the night.
    """
    held = None if chain.challenger is None else registry.find(str(chain.challenger))
    if held is None or parse_as_of(held.tags["overnight.as_of"]) <= parse_as_of(as_of):
        return ""
    known = held.tags["overnight.as_of"]
    return f"{held} is a candidate as of {known}, which knows more than one as of {as_of}"
