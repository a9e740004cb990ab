"""Models, endpoint configs and endpoints in SageMaker, through boto3 (decision 0010).

Everything may be called again: what exists is compared, what was begun is joined.
"""

import logging
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from tenacity import (
    Future,
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_result,
    stop_after_delay,
    wait_exponential,
)

from infra.sagemaker.connection import (
    AwsError,
    is_absent,
    is_in_progress,
    is_taken,
    open_session,
    translated_errors,
)
from infra.sagemaker.control.configuration import (
    EndpointConfiguration,
    Request,
    ServedModel,
    main_alone,
)
from infra.sagemaker.endpoint_status import BUSY
from infra.sagemaker.policy import EndpointPolicy
from infra.sagemaker.strategies import build_deployment_config

log = logging.getLogger(__name__)

GROWING_PAUSE = wait_exponential(multiplier=0.2, exp_base=1.5, max=10.0)  # seconds


class BusyError(AwsError):
    """Another change of the endpoint goes on, and this one was not begun."""


@dataclass(frozen=True, slots=True)
class EndpointState:
    """The state of an endpoint, from DescribeEndpoint.

    Attributes:
        pending: the config that an update is moving to; empty without one.
        rollback_alarms: alarms that roll back the update that goes on, or rolled back the last one.
        reason: why it failed or was rolled back; empty otherwise.
        since: when it last changed.
    """

    status: str
    config: str
    pending: str
    rollback_alarms: tuple[str, ...]
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class VariantState:
    """A variant of a config, and the model behind it."""

    name: str
    model: str
    url: str
    version: str
    weight: float
    instances: str


class Control:
    """One session with the control plane."""

    def __init__(self) -> None:
        self.session = open_session()
        with translated_errors("Opening SageMaker"):
            self._client = self.session.client("sagemaker")

    def ensure_model(self, served: ServedModel, policy: EndpointPolicy) -> None:
        """Create a model, or check that the one of its name is the same.

        Raises:
            AwsError: when there is one with other content.
        """
        wanted = served.model_request(policy)
        self._ensure("model", wanted, name="ModelName")

    def ensure_config(self, configuration: EndpointConfiguration) -> None:
        """Create the endpoint config, or check that the one of its name is the same.

        Raises:
            AwsError: when there is one with other content.
        """
        self._ensure("endpoint_config", configuration.config_request(), name="EndpointConfigName")

    def find_state(self, endpoint: str) -> EndpointState | None:
        """Return the state of an endpoint; None when there is no such endpoint."""
        with translated_errors(f"Reading the endpoint {endpoint}"):
            try:
                found = self._client.describe_endpoint(EndpointName=endpoint)
            except ClientError as error:
                if is_absent(error):
                    return None
                raise
        pending = found.get("PendingDeploymentSummary", {})
        course = found.get("LastDeploymentConfig", {}).get("AutoRollbackConfiguration", {})
        return EndpointState(
            status=found["EndpointStatus"],
            config=found.get("EndpointConfigName", ""),
            pending=pending.get("EndpointConfigName", ""),
            rollback_alarms=tuple(alarm["AlarmName"] for alarm in course.get("Alarms", [])),
            reason=found.get("FailureReason", ""),
            since=found["LastModifiedTime"],
        )

    def variants(self, config: str) -> list[VariantState]:
        """Return the variants of a config: production variants first, then a shadow."""
        with translated_errors(f"Reading the endpoint config {config}"):
            found = self._client.describe_endpoint_config(EndpointConfigName=config)
            listed = [*found["ProductionVariants"], *found.get("ShadowProductionVariants", [])]
            return [self._variant(variant) for variant in listed]

    def create(self, configuration: EndpointConfiguration) -> None:
        """Begin to create the endpoint, or join a creation that goes on."""
        with translated_errors(f"Creating the endpoint {configuration.endpoint}"):
            try:
                self._client.create_endpoint(
                    EndpointName=configuration.endpoint, EndpointConfigName=configuration.config
                )
            except ClientError as error:
                if not is_taken(error):
                    raise
                self._refuse_other_change(configuration, error)

    def update(
        self, configuration: EndpointConfiguration, *, alarms: list[str], is_monitored: bool
    ) -> None:
        """Begin to update the endpoint to the configuration, or join that update.

        Args:
            configuration: its policy says how the traffic moves.
            alarms: names of the alarms that roll the update back.
            is_monitored: shift traffic by the policy's strategy and roll back on alarms, for which
                both configs must have the same variants; else all traffic moves at once.

        Raises:
            BusyError: when another update goes on.
        """
        deployment = build_deployment_config(configuration.policy, alarms) if is_monitored else None
        more = {"DeploymentConfig": deployment} if deployment else {}
        with translated_errors(f"Updating the endpoint {configuration.endpoint}"):
            try:
                self._client.update_endpoint(
                    EndpointName=configuration.endpoint,
                    EndpointConfigName=configuration.config,
                    **more,
                )
            except ClientError as error:
                if not is_in_progress(error):
                    raise
                self._refuse_other_change(configuration, error)

    def leave_main_alone(self, endpoint: str, config: str) -> None:
        """Begin to remove every variant but the main one from a live config."""
        with translated_errors(f"Reading the endpoint config {config}"):
            found = self._client.describe_endpoint_config(EndpointConfigName=config)
        request = main_alone(endpoint, found)
        self._ensure("endpoint_config", request, name="EndpointConfigName")
        with translated_errors(f"Updating the endpoint {endpoint}"):
            self._client.update_endpoint(
                EndpointName=endpoint, EndpointConfigName=request["EndpointConfigName"]
            )

    def delete(self, endpoint: str) -> None:
        """Begin to delete the endpoint."""
        with translated_errors(f"Deleting the endpoint {endpoint}"):
            try:
                self._client.delete_endpoint(EndpointName=endpoint)
            except ClientError as error:
                if not (is_absent(error) or is_in_progress(error)):
                    raise

    def wait(self, endpoint: str, *, minutes: float) -> EndpointState | None:
        """Wait until no change goes on at the endpoint.

        Raises:
            AwsError: when it takes longer.
        """
        said = ""

        def log_change(look: RetryCallState) -> None:
            nonlocal said
            status = _status(look.outcome)
            if status != said:
                log.info("%s is %s", endpoint, status)
                said = status

        until_settled = Retrying(
            retry=retry_if_result(lambda found: found is not None and found.status in BUSY),
            stop=stop_after_delay(60 * minutes),
            wait=_pause,
            before_sleep=log_change,
        )
        try:
            return until_settled(self.find_state, endpoint)
        except RetryError as error:
            raise AwsError(
                f"The endpoint {endpoint} is still {_status(error.last_attempt)} after "
                f"{minutes:g} minutes. "
                "Deploy again to go on waiting, or set [endpoint] wait_minutes higher."
            ) from None

    def _ensure(self, kind: str, wanted: Request, *, name: str) -> None:
        called = str(wanted[name])
        spoken = kind.replace("_", " ")
        describe = getattr(self._client, f"describe_{kind}")
        with translated_errors(f"Creating the {spoken} {called}"):
            try:
                found = describe(**{name: called})
            except ClientError as error:
                if not is_absent(error):
                    raise
                try:
                    getattr(self._client, f"create_{kind}")(**wanted)
                except ClientError as taken:
                    # Somebody was faster, or the answer to an attempt of ours was lost.
                    if not is_taken(taken):
                        raise
                    found = describe(**{name: called})
                else:
                    log.info("Created the %s %s", spoken, called)
                    return
        differences = list(_differences(wanted, found, where=""))
        if differences:
            raise AwsError(
                f"{called} exists with other content: {', '.join(differences)}. Another program "
                "made it; delete it, then deploy again."
            )

    def _refuse_other_change(self, configuration: EndpointConfiguration, error: Exception) -> None:
        state = self.find_state(configuration.endpoint)
        if state is None or configuration.config == (state.pending or state.config):
            log.info("Joined the change of %s to %s", configuration.endpoint, configuration.config)
            return
        raise BusyError(
            f"Another deployment moves {configuration.endpoint} to "
            f"{state.pending or state.config}; this one changed nothing. "
            "Deploy again when that has ended."
        ) from error

    def _variant(self, variant: Request) -> VariantState:
        model = self._client.describe_model(ModelName=variant["ModelName"])
        container = model["PrimaryContainer"]
        return VariantState(
            name=variant["VariantName"],
            model=variant["ModelName"],
            url=container["ModelDataUrl"],
            version=container.get("Environment", {}).get("OVERNIGHT_MODEL_VERSION", ""),
            weight=float(variant.get("InitialVariantWeight", 1.0)),
            instances=f"{variant.get('InitialInstanceCount', 1)} x {variant.get('InstanceType')}",
        )


def _differences(wanted: Any, found: Any, *, where: str) -> Iterator[str]:
    """Yield the differences of a description from its request; what AWS adds does not count."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key, value in wanted.items():
            yield from _differences(value, found.get(key), where=f"{where}.{key}".lstrip("."))
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _differences(one, other, where=f"{where}[{number}]")
    elif wanted != found:
        yield f"{where} {found!r} instead of {wanted!r}"


def _status(looked: Future | None) -> str:
    """Return the status that a look found; of an endpoint that is gone, none."""
    found = looked and looked.result()
    return found.status if found else ""


def _pause(look: RetryCallState) -> float:
    """Return a growing pause with jitter, so that deployments do not ask at the same moments."""
    return GROWING_PAUSE(look) * random.uniform(0.75, 1.25)  # noqa: S311 -- no secret
