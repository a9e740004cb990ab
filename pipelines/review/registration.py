"""The step `register`: makes a version of a run's model, with its record and review report."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from expectations.contract import InputError, OvernightError, refuse_any
from pipelines.config import ModelVersion, RunReference, is_changed, load_spec
from pipelines.config.installation import os_actor
from pipelines.governance import (
    ACCEPTED,
    Decision,
    DecisionLog,
    draft_decision,
    find_damage,
    open_decisions,
)
from pipelines.lake import parse_as_of
from pipelines.modelling import open_trained
from pipelines.review.report import publish_report
from pipelines.tracking import (
    AS_OF,
    AUTHOR,
    CHALLENGER,
    DIGEST,
    EXPERIMENT,
    GATE,
    GATE_REASONS,
    PREFIX,
    SPEC,
    Registry,
    describe_maker,
    is_of_another,
    open_registry,
    refuse_other_kinds,
)

ASKS = ("automatic", "yes", "no")

log = logging.getLogger(__name__)


def register_challenger(
    reference: str, as_of: str, *, run: RunReference, ask: str = "yes"
) -> ModelVersion | RunReference:
    """Register the model of a run; return the version, or the run when it is not registered."""
    if ask not in ASKS:
        raise InputError(f"ask {ask!r} is none of {', '.join(ASKS)}. Give one of them.")
    spec = load_spec(reference)
    registry = open_registry(spec)
    run_id = run.run
    current = registry.runs.tags(run_id)
    refuse_other_kinds(str(run), current)
    is_kept = is_changed(reference) and is_of_another(current, spec_digest=spec.digest)
    if ask == "no" or (ask == "automatic" and is_changed(reference)):
        log.info("Not registered: %s", _describe(run, current, is_kept=is_kept))
        return run
    if is_kept:
        raise InputError(
            f"{run} is the run of {describe_maker(current)}, and {reference} changes nothing of "
            f'the model. Register it as what it is: overnight register "{current.get(SPEC)}" '
            f"--run {run} --as-of {current.get(AS_OF)}"
        )
    made = open_trained(spec).get(run_id)
    recorded = current.get(AS_OF)
    if recorded is None or parse_as_of(recorded) != parse_as_of(as_of):
        raise InputError(f"{run} was trained as of {recorded}, not {as_of}. Name its own as_of.")
    tags = {k: v for k, v in current.items() if k.startswith(PREFIX)}
    if GATE not in tags:
        raise InputError(f"{run} was not evaluated. Run the evaluate step for it first.")
    if tags.get(DIGEST) != made.bundle_digest:
        raise OvernightError(
            f"{run} names the bundle {str(tags.get(DIGEST))[:12]}, and train recorded "
            f"{made.bundle_digest[:12]}: it was changed since. Train again, register the new run."
        )
    refuse_any(f"the registration of {run}", find_damage(spec, tags))
    # The author comes from the lake: anybody may have set the tag of the run.
    version = registry.register(run_id, tags={**tags, AUTHOR: made.author})
    decisions = open_decisions(spec, registry)
    if decisions.load().registration(version.number) is None:
        # Before the record, which has the digest of the report.
        publish_report(spec, registry, version)
        version = registry.get(str(version.number))

    def enter(decision_log: DecisionLog) -> Decision | None:
        if decision_log.registration(version.number):
            return None
        drafted = draft_decision(
            spec, registry, version, decision_log, kind="registration", actor=os_actor(),
            reason=f"nightly run as of {as_of}",
        )  # fmt: skip
        newer = _newer_challenger(registry, decision_log, as_of)
        return replace(drafted, gate=newer) if newer and drafted.gate == ACCEPTED else drafted

    decision_log = decisions.record(enter)
    if decision_log.challenger == version.number and CHALLENGER not in version.aliases:
        registry.set_alias(CHALLENGER, version)
    entered = decision_log.registration(version.number)
    if entered is not None and entered.gate == ACCEPTED:
        log.info("Registered %s from %s", version, run)
    else:
        why = tags.get(GATE_REASONS) if tags[GATE] != ACCEPTED or not entered else entered.gate
        log.warning("Registered %s, no challenger: %s", version, why)
    return version.reference


def _describe(run: RunReference, made: Mapping[str, str], *, is_kept: bool) -> str:
    """Describe why a run is not registered.

    Args:
        run: of the changed spec.
        made: its tags.
        is_kept: True if the experiment reused the run of another.
    """
    if is_kept:
        return f"the experiment changes nothing of the model of {run}, of {describe_maker(made)}"
    if made.get(EXPERIMENT) == "yes":
        return f"{run} is an experiment. Register it by hand if it is good"
    return f"{run}, as it was asked"


def _newer_challenger(registry: Registry, decision_log: DecisionLog, as_of: str) -> str:
    """Return why a night of the past makes no challenger; empty when it makes one.

    Args:
        registry: of the spec.
        decision_log: before the registration.
        as_of: knowledge time of the night.
    """
    current = (
        None if decision_log.challenger is None else registry.find(str(decision_log.challenger))
    )
    if current is None or parse_as_of(current.tags[AS_OF]) <= parse_as_of(as_of):
        return ""
    known = current.tags[AS_OF]
    return f"{current} is a candidate as of {known}, which knows more than one as of {as_of}"
