"""Puts a bundle behind its endpoint and says what became of it.

An update that SageMaker rolled back ends `InService` like one that went through, so the outcome
is read from the live config and from the scores that come back, never from the status alone.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from expectations.contract import InputError
from infra.sagemaker.artifact import locate, publish_artifact
from infra.sagemaker.control import FAILED, IN_SERVICE, Control, Live
from infra.sagemaker.names import Names, endpoint_name, name_deployment
from infra.sagemaker.policy import EndpointPolicy
from infra.sagemaker.verification import find_differences
from infra.serving.bundle import Bundle, BundleError, load_bundle

log = logging.getLogger(__name__)

Outcome = Literal["PROMOTED", "ROLLED_BACK", "DIVERGED"]


@dataclass(frozen=True, slots=True)
class DeploymentResult:
    """What became of a deployment.

    Attributes:
        outcome: PROMOTED: the bundle serves, and scores as in training. ROLLED_BACK: what served
            before still does. DIVERGED: something serves that is not the bundle.
        reason: a sentence; empty when PROMOTED.
    """

    outcome: Outcome
    endpoint: str
    config_name: str
    model_name: str
    digest: str
    reason: str


def deploy(bundle: Path, *, endpoint: str, policy: EndpointPolicy) -> DeploymentResult:
    """Serve a bundle at the endpoint of a spec; again with the same bundle changes nothing.

    A deployment that is under way is waited for first, and an endpoint that failed to be created
    is replaced, so a run that was cut short can be repeated.

    Args:
        bundle: the bundle's folder.
        endpoint: the spec's name.
        policy: the spec's `[endpoint]`.

    Raises:
        InputError: when the folder is no bundle, or nothing answers where SageMaker should.
        AwsError: when AWS refuses.
    """
    manifest = read_bundle(bundle)
    name = endpoint_name(endpoint)
    location = locate(manifest.digest, endpoint=name, bucket=policy.bucket)
    names = name_deployment(endpoint, digest=manifest.digest, url=location.url, policy=policy)
    control = Control()
    publish_artifact(bundle, location, control.session)
    control.ensure_model(names, url=location.url, policy=policy)
    control.ensure_config(names, policy)
    live = _roll_out(control, names, policy)
    outcome, reason = _judge(live, names, manifest)
    said = f"{outcome} {reason}".rstrip()
    log.info("Deployed %s to %s: %s", manifest.digest[:12], name, said)
    return DeploymentResult(outcome, name, names.config, names.model, manifest.digest, reason)


def read_bundle(folder: Path) -> Bundle:
    """Read and check a bundle's manifest.

    Raises:
        InputError: when the folder is no whole bundle.
    """
    try:
        return load_bundle(folder)
    except BundleError as error:
        raise InputError(str(error)) from error


def _roll_out(control: Control, names: Names, policy: EndpointPolicy) -> Live | None:
    """Bring the endpoint to the wanted config; returns what SageMaker says at the end."""
    minutes = policy.wait_minutes
    live = control.wait(names.endpoint, minutes=minutes)
    if live is not None and live.status == FAILED:
        # It serves nothing, and SageMaker updates no failed endpoint.
        log.info("Replacing %s, which failed: %s", names.endpoint, live.reason)
        control.delete(names.endpoint)
        live = control.wait(names.endpoint, minutes=minutes)
    if live is None:
        control.create(names)
    elif live.config != names.config:
        control.update(names, policy)
    return control.wait(names.endpoint, minutes=minutes)


def _judge(live: Live | None, names: Names, bundle: Bundle) -> tuple[Outcome, str]:
    if live is None:
        return "DIVERGED", f"The endpoint {names.endpoint} was deleted while it was deployed to."
    if live.status == FAILED:
        return "ROLLED_BACK", f"The endpoint did not start and serves nothing. {live.reason}"
    if live.status != IN_SERVICE:
        return "DIVERGED", f"The endpoint is {live.status}. {live.reason}".strip()
    if live.config != names.config:
        return (
            "ROLLED_BACK",
            f"SageMaker went back to {live.config}. {live.reason or 'It gave no reason.'}",
        )
    differences = find_differences(bundle, endpoint=names.endpoint)
    if differences:
        return "DIVERGED", f"The endpoint answers otherwise than training: {differences[0]}."
    return "PROMOTED", ""
