"""Deployment of a bundle to its endpoint, and the outcome.

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
from infra.sagemaker.control.client import BusyError, Control, EndpointState, VariantState
from infra.sagemaker.control.configuration import EndpointConfiguration
from infra.sagemaker.endpoint_status import BUSY, FAILED, IN_SERVICE, UPDATING
from infra.sagemaker.names import DIGEST_LENGTH, VARIANT
from infra.sagemaker.runtime import find_differences

log = logging.getLogger(__name__)

Outcome = Literal["PROMOTED", "ROLLED_BACK", "DIVERGED"]


@dataclass(frozen=True, slots=True)
class DeploymentResult:
    """The outcome of a deployment.

    Attributes:
        outcome: PROMOTED: the bundle serves, and scores as in training. ROLLED_BACK: what served
            before still does. DIVERGED: something serves that is neither.
        config: the live config; empty without one.
        reason: a sentence; empty when PROMOTED.
        is_wrong_model: the wanted config serves and yet answers otherwise than in training.
    """

    outcome: Outcome
    endpoint: str
    config: str
    reason: str = ""
    is_wrong_model: bool = False


def roll_out(configuration: EndpointConfiguration) -> None:
    """Bring an endpoint to a configuration, watched by alarms; again with the same changes nothing.

    Returns when no change goes on any more, however it ended: `verify` finds out. An interrupted
    rollout is continued; an endpoint that failed to be created is replaced. A shadow or a
    candidate beside the wanted model stays.

    Raises:
        BusyError: when another deployment goes on.
        UnreachableError: when nothing answers where SageMaker should.
        AwsError: when AWS refuses.
    """
    control = Control()
    state = control.find_state(configuration.endpoint)
    _refuse_foreign_change(state, configuration)
    state = control.wait(configuration.endpoint, minutes=configuration.policy.wait_minutes)
    if state is not None and _serves(control, state, configuration):
        log.info("%s serves %s already", configuration.endpoint, configuration.main.model)
        return
    alarms = _prepare(control, configuration)
    _move(control, state, configuration, alarms=alarms, is_monitored=True)


def abort(endpoint: str) -> None:
    """Abort a rollout of ours that goes on, through the alarm that was created for that.

    SageMaker has no call that ends an update; without this alarm, a rollback would wait for the
    bake time of all steps.

    Raises:
        UnreachableError: when nothing answers where SageMaker should.
        AwsError: when AWS refuses.
    """
    control = Control()
    state, digest = control.find_state(endpoint), find_leading_digest(endpoint)
    if state is None or state.status != UPDATING or digest is None:
        return
    if stop_alarm(endpoint, digest=digest) in state.rollback_alarms:
        log.info("Stopping the rollout of %s to %s", endpoint, state.pending)
        stop(endpoint, digest=digest, session=control.session)


def update_all_at_once(configuration: EndpointConfiguration) -> str:
    """Bring an endpoint to exactly a configuration, all traffic at once and without alarms.

    For a rollback, and to add or remove a second variant. Another change that goes on is waited
    for.

    Returns:
        The reason why the configuration is not live now; empty when it is.

    Raises:
        UnreachableError: when nothing answers where SageMaker should.
        AwsError: when AWS refuses.
    """
    control = Control()
    state = control.wait(configuration.endpoint, minutes=configuration.policy.wait_minutes)
    if state is not None and (state.status, state.config) == (IN_SERVICE, configuration.config):
        log.info("%s serves %s already", configuration.endpoint, configuration.config)
        return ""
    _prepare(control, configuration)
    _move(control, state, configuration, alarms=[], is_monitored=False)
    state = control.find_state(configuration.endpoint)
    if state is not None and (state.status, state.config) == (IN_SERVICE, configuration.config):
        return ""
    if state is None:
        return f"The endpoint {configuration.endpoint} is gone."
    return f"It is {state.status} with {state.config}. {state.reason}".strip()


def verify(
    configuration: EndpointConfiguration, *, champion_digest: str | None
) -> DeploymentResult:
    """Find out what an endpoint serves: its live config, the model's digest, the golden vectors.

    Args:
        configuration: the one that should serve.
        champion_digest: of the bundle that served before; None when none did.

    Raises:
        UnreachableError: when nothing answers where SageMaker should: then nothing is known.
        AwsError: when AWS refuses to say or to ask: then nothing is known either.
    """
    control = Control()
    state = control.wait(configuration.endpoint, minutes=configuration.policy.wait_minutes)
    if state is None:
        return DeploymentResult(
            "DIVERGED", configuration.endpoint, "", "There is no such endpoint."
        )
    result = _find_outcome(control, state, configuration, champion_digest)
    digest = configuration.main.bundle.digest[:DIGEST_LENGTH]
    said = f"{result.outcome} {result.reason}".rstrip()
    log.info("Deployed %s to %s: %s", digest, configuration.endpoint, said)
    return result


def _find_outcome(
    control: Control,
    state: EndpointState,
    configuration: EndpointConfiguration,
    champion_digest: str | None,
) -> DeploymentResult:
    endpoint, config = configuration.endpoint, state.config
    if state.status == FAILED:
        reason = f"The endpoint did not start and serves nothing. {state.reason}"
        return DeploymentResult("ROLLED_BACK", endpoint, config, reason.strip())
    if state.status != IN_SERVICE:
        reason = f"The endpoint is {state.status}. {state.reason}".strip()
        return DeploymentResult("DIVERGED", endpoint, config, reason)
    variants = control.variants(config)
    main = find_main(variants)
    if config != configuration.config and (main is None or main.model != configuration.main.model):
        found = "" if main is None else digest_in(main.url)
        if found and found == champion_digest:
            reason = f"SageMaker went back to {config}. {state.reason or 'It gave no reason.'}"
            return DeploymentResult("ROLLED_BACK", endpoint, config, reason)
        reason = (
            f"{config} serves the model {found[:DIGEST_LENGTH] or 'of another program'}, which is "
            f"neither the wanted one nor the champion. {state.reason}"
        )
        return DeploymentResult("DIVERGED", endpoint, config, reason.strip())
    try:
        target = VARIANT if len(variants) > 1 else None
        differences = find_differences(configuration.main.bundle, endpoint=endpoint, variant=target)
    except ProblemsError as error:
        differences = [f"it refuses the golden vectors: {error.problems[0]}"]
    except ModelError as error:
        differences = [str(error)]
    if differences:
        reason = f"The endpoint answers otherwise than training: {differences[0]}."
        return DeploymentResult("DIVERGED", endpoint, config, reason, is_wrong_model=True)
    return DeploymentResult("PROMOTED", endpoint, config)


def is_live(endpoint: str, config: str) -> bool:
    """Return True if a config is live and no change goes on."""
    state = Control().find_state(endpoint)
    return state is not None and (state.status, state.config) == (IN_SERVICE, config)


def find_leading_digest(endpoint: str) -> str | None:
    """Digest of the bundle that serves, or that an update is moving to; None without one."""
    control = Control()
    state = control.find_state(endpoint)
    if state is None or state.status == FAILED:
        return None
    main = find_main(control.variants(state.pending or state.config))
    return None if main is None else digest_in(main.url)


def require_serving(endpoint: str, *, digest: str) -> None:
    """Refuse unless a bundle serves and no update goes on: it may be of an unfinished deployment.

    Raises:
        BusyError: when a change goes on.
        InputError: when something else serves.
    """
    state = Control().find_state(endpoint)
    if state is not None and state.status in BUSY:
        raise BusyError(f"{endpoint} is {state.status}. Run it again when that has ended.")
    if find_leading_digest(endpoint) != digest:
        raise InputError(
            f"{endpoint} does not serve the champion: a deployment was not finalised. "
            "Deploy again, or roll back, first."
        )


def delete_endpoint(endpoint: str) -> None:
    """Delete an endpoint whose only model answers otherwise than in training."""
    control = Control()
    control.delete(endpoint)
    log.warning("Deleted %s: it answered otherwise than in training", endpoint)


def find_main(variants: list[VariantState]) -> VariantState | None:
    """Return the main variant; None in a config that another program made."""
    return next((variant for variant in variants if variant.name == VARIANT), None)


def _refuse_foreign_change(
    state: EndpointState | None, configuration: EndpointConfiguration
) -> None:
    if state is None or state.status not in BUSY:
        return
    towards = state.pending or (state.config if state.status == "Creating" else "")
    if towards and towards != configuration.config:
        raise BusyError(
            f"Another deployment moves {configuration.endpoint} to {towards}; this one changed "
            "nothing. Deploy again when that has ended."
        )


def _serves(control: Control, state: EndpointState, configuration: EndpointConfiguration) -> bool:
    """Return True if the wanted model serves on the wanted machines, alone or beside another."""
    if state.status != IN_SERVICE:
        return False
    if state.config == configuration.config:
        return True
    variants = control.variants(state.config)
    main = find_main(variants)
    return main is not None and len(variants) > 1 and main.model == configuration.main.model


def _prepare(control: Control, configuration: EndpointConfiguration) -> list[str]:
    """Create everything that a config refers to, and the config; return the alarms to obey."""
    for served in configuration.models:
        publish_artifact(served.folder, served.url, control.session)
        control.ensure_model(served, configuration.policy)
    alarms = ensure_alarms(configuration, control.session)
    control.ensure_config(configuration)
    return alarms


def _move(
    control: Control,
    state: EndpointState | None,
    configuration: EndpointConfiguration,
    *,
    alarms: list[str],
    is_monitored: bool,
) -> None:
    minutes = configuration.policy.wait_minutes
    if state is not None and state.status == FAILED:
        # It serves nothing, and SageMaker updates no failed endpoint.
        log.info("Replacing %s, which failed: %s", configuration.endpoint, state.reason)
        control.delete(configuration.endpoint)
        state = control.wait(configuration.endpoint, minutes=minutes)
    if state is None:
        control.create(configuration)
    elif state.config != configuration.config:
        if is_monitored and len(control.variants(state.config)) > 1:
            # A blue/green update that is watched needs the same variants in both configs.
            control.leave_main_alone(configuration.endpoint, state.config)
            control.wait(configuration.endpoint, minutes=minutes)
        control.update(configuration, alarms=alarms, is_monitored=is_monitored)
    control.wait(configuration.endpoint, minutes=minutes)
