"""Puts a bundle behind its endpoint, and says what became of it.

An update that SageMaker rolled back ends `InService` like one that went through, so the outcome
is read from the live config and from the scores that come back, never from the status alone.
"""

import logging
from dataclasses import dataclass
from typing import Literal

from expectations.contract import InputError, ProblemsError
from infra.sagemaker.artifact import digest_in, publish_artifact
from infra.sagemaker.connection import ModelError
from infra.sagemaker.control.alarms import ensure_alarms, stop, stop_alarm
from infra.sagemaker.control.client import (
    BUSY,
    FAILED,
    IN_SERVICE,
    UPDATING,
    BusyError,
    Control,
    Live,
    LiveVariant,
)
from infra.sagemaker.control.configuration import Layout
from infra.sagemaker.names import DIGEST_LENGTH, VARIANT
from infra.sagemaker.runtime import find_differences

log = logging.getLogger(__name__)

Outcome = Literal["PROMOTED", "ROLLED_BACK", "DIVERGED"]


@dataclass(frozen=True, slots=True)
class DeploymentResult:
    """What became of a deployment.

    Attributes:
        outcome: PROMOTED: the bundle serves, and scores as in training. ROLLED_BACK: what served
            before still does. DIVERGED: something serves that is neither.
        config: the live config; empty without one.
        reason: a sentence; empty when PROMOTED.
        is_wrong_model: whether the wanted config serves and yet answers otherwise than training.
    """

    outcome: Outcome
    endpoint: str
    config: str
    reason: str = ""
    is_wrong_model: bool = False


def roll_out(layout: Layout) -> None:
    """Bring an endpoint to a layout, watched by alarms; again with the same changes nothing.

    Returns when no change goes on any more, however it ended: `verify` finds out. Whatever was cut
    short is gone on with; an endpoint that failed to be created is replaced. A shadow or a
    candidate beside the wanted model stays.

    Raises:
        BusyError: when another deployment goes on.
        UnreachableError: when nothing answers where SageMaker should.
        AwsError: when AWS refuses.
    """
    control = Control()
    live = control.find_live(layout.endpoint)
    _refuse_foreign_change(live, layout)
    live = control.wait(layout.endpoint, minutes=layout.policy.wait_minutes)
    if live is not None and _serves(control, live, layout):
        log.info("%s serves %s already", layout.endpoint, layout.main.model)
        return
    alarms = _prepare(control, layout)
    _move(control, live, layout, alarms=alarms, is_guarded=True)


def turn_back(endpoint: str) -> None:
    """End a rollout of ours that goes on, by ringing the alarm that was made for that.

    SageMaker has no call that ends an update; without this, whoever goes back would wait until all
    of its steps were watched.

    Raises:
        UnreachableError: when nothing answers where SageMaker should.
        AwsError: when AWS refuses.
    """
    control = Control()
    live, digest = control.find_live(endpoint), find_leading_digest(endpoint)
    if live is None or live.status != UPDATING or digest is None:
        return
    if stop_alarm(endpoint, digest=digest) in live.guards:
        log.info("Stopping the rollout of %s to %s", endpoint, live.pending)
        stop(endpoint, digest=digest, session=control.session)


def put_at_once(layout: Layout) -> str:
    """Bring an endpoint to exactly a layout, all traffic at once and with nothing to turn it back.

    For going back, and for what puts a second variant beside the first or takes it away. Another
    change that goes on is waited for.

    Returns:
        Why the layout's config is not live now; empty when it is.

    Raises:
        UnreachableError: when nothing answers where SageMaker should.
        AwsError: when AWS refuses.
    """
    control = Control()
    live = control.wait(layout.endpoint, minutes=layout.policy.wait_minutes)
    if live is not None and (live.status, live.config) == (IN_SERVICE, layout.config):
        log.info("%s serves %s already", layout.endpoint, layout.config)
        return ""
    _prepare(control, layout)
    _move(control, live, layout, alarms=[], is_guarded=False)
    live = control.find_live(layout.endpoint)
    if live is not None and (live.status, live.config) == (IN_SERVICE, layout.config):
        return ""
    if live is None:
        return f"The endpoint {layout.endpoint} is gone."
    return f"It is {live.status} with {live.config}. {live.reason}".strip()


def verify(layout: Layout, *, champion_digest: str | None) -> DeploymentResult:
    """Find out what an endpoint serves: its live config, the model's digest, the golden vectors.

    Args:
        layout: what should serve.
        champion_digest: of the bundle that served before; None when none did.

    Raises:
        UnreachableError: when nothing answers where SageMaker should: then nothing is known.
        AwsError: when AWS refuses to say or to ask: then nothing is known either.
    """
    control = Control()
    live = control.wait(layout.endpoint, minutes=layout.policy.wait_minutes)
    if live is None:
        return DeploymentResult("DIVERGED", layout.endpoint, "", "There is no such endpoint.")
    result = _judge(control, live, layout, champion_digest)
    digest = layout.main.bundle.digest[:DIGEST_LENGTH]
    said = f"{result.outcome} {result.reason}".rstrip()
    log.info("Deployed %s to %s: %s", digest, layout.endpoint, said)
    return result


def _judge(
    control: Control, live: Live, layout: Layout, champion_digest: str | None
) -> DeploymentResult:
    endpoint, config = layout.endpoint, live.config
    if live.status == FAILED:
        reason = f"The endpoint did not start and serves nothing. {live.reason}"
        return DeploymentResult("ROLLED_BACK", endpoint, config, reason.strip())
    if live.status != IN_SERVICE:
        reason = f"The endpoint is {live.status}. {live.reason}".strip()
        return DeploymentResult("DIVERGED", endpoint, config, reason)
    variants = control.variants(config)
    main = find_main(variants)
    if config != layout.config and (main is None or main.model != layout.main.model):
        found = "" if main is None else digest_in(main.url)
        if found and found == champion_digest:
            reason = f"SageMaker went back to {config}. {live.reason or 'It gave no reason.'}"
            return DeploymentResult("ROLLED_BACK", endpoint, config, reason)
        reason = (
            f"{config} serves the model {found[:DIGEST_LENGTH] or 'of somebody else'}, which is "
            f"neither the wanted one nor the champion. {live.reason}"
        )
        return DeploymentResult("DIVERGED", endpoint, config, reason.strip())
    try:
        target = VARIANT if len(variants) > 1 else None
        differences = find_differences(layout.main.bundle, endpoint=endpoint, variant=target)
    except ProblemsError as error:
        differences = [f"it refuses the golden vectors: {error.problems[0]}"]
    except ModelError as error:
        differences = [str(error)]
    if differences:
        reason = f"The endpoint answers otherwise than training: {differences[0]}."
        return DeploymentResult("DIVERGED", endpoint, config, reason, is_wrong_model=True)
    return DeploymentResult("PROMOTED", endpoint, config)


def is_live(endpoint: str, config: str) -> bool:
    """Whether a config is what serves now, and no change goes on."""
    live = Control().find_live(endpoint)
    return live is not None and (live.status, live.config) == (IN_SERVICE, config)


def find_leading_digest(endpoint: str) -> str | None:
    """Digest of the bundle that serves, or that an update is moving to; None without one."""
    control = Control()
    live = control.find_live(endpoint)
    if live is None or live.status == FAILED:
        return None
    main = find_main(control.variants(live.pending or live.config))
    return None if main is None else digest_in(main.url)


def require_serving(endpoint: str, *, digest: str) -> None:
    """Refuse unless a bundle serves and nothing moves: what was not settled must not be undone.

    Raises:
        BusyError: when a change goes on.
        InputError: when something else serves.
    """
    live = Control().find_live(endpoint)
    if live is not None and live.status in BUSY:
        raise BusyError(f"{endpoint} is {live.status}. Run it again when that has ended.")
    if find_leading_digest(endpoint) != digest:
        raise InputError(
            f"{endpoint} does not serve the champion: a deployment was not settled. Deploy again, "
            "or roll back, first."
        )


def take_down(endpoint: str) -> None:
    """Delete an endpoint that was made for a model which answers otherwise than in training."""
    control = Control()
    control.delete(endpoint)
    log.warning("Deleted %s: what it answered is not what was trained", endpoint)


def find_main(variants: list[LiveVariant]) -> LiveVariant | None:
    """The variant that answers; None in a config that somebody else made."""
    return next((variant for variant in variants if variant.name == VARIANT), None)


def _refuse_foreign_change(live: Live | None, layout: Layout) -> None:
    if live is None or live.status not in BUSY:
        return
    towards = live.pending or (live.config if live.status == "Creating" else "")
    if towards and towards != layout.config:
        raise BusyError(
            f"Another deployment moves {layout.endpoint} to {towards}; this one changed nothing. "
            "Deploy again when that has ended."
        )


def _serves(control: Control, live: Live, layout: Layout) -> bool:
    """Whether the wanted model serves on the wanted machines, also with another beside it."""
    if live.status != IN_SERVICE:
        return False
    if live.config == layout.config:
        return True
    variants = control.variants(live.config)
    main = find_main(variants)
    return main is not None and len(variants) > 1 and main.model == layout.main.model


def _prepare(control: Control, layout: Layout) -> list[str]:
    """Make everything that a config refers to, and the config; returns the alarms to obey."""
    for served in layout.models:
        publish_artifact(served.folder, served.url, control.session)
        control.ensure_model(served, layout.policy)
    alarms = ensure_alarms(layout, control.session)
    control.ensure_config(layout)
    return alarms


def _move(
    control: Control, live: Live | None, layout: Layout, *, alarms: list[str], is_guarded: bool
) -> None:
    minutes = layout.policy.wait_minutes
    if live is not None and live.status == FAILED:
        # It serves nothing, and SageMaker updates no failed endpoint.
        log.info("Replacing %s, which failed: %s", layout.endpoint, live.reason)
        control.delete(layout.endpoint)
        live = control.wait(layout.endpoint, minutes=minutes)
    if live is None:
        control.create(layout)
    elif live.config != layout.config:
        if is_guarded and len(control.variants(live.config)) > 1:
            # A blue/green update that is watched needs the same variants in both configs.
            control.leave_main_alone(layout.endpoint, live.config)
            control.wait(layout.endpoint, minutes=minutes)
        control.update(layout, alarms=alarms, is_guarded=is_guarded)
    control.wait(layout.endpoint, minutes=minutes)
