"""Models, endpoint configs and endpoints in SageMaker, through `sagemaker.core`.

`import sagemaker` costs 5 s, so this module imports it when the first `Control` is made.
"""

import logging
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.sagemaker.connection import AwsError, is_absent, open_session, translated_errors
from infra.sagemaker.names import VARIANT, Names
from infra.sagemaker.policy import EndpointPolicy

if TYPE_CHECKING:
    from sagemaker.core.resources import Endpoint

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
BUSY = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
FAILED = "Failed"
IN_SERVICE = "InService"


@dataclass(frozen=True, slots=True)
class Live:
    """What SageMaker says of an endpoint.

    Attributes:
        reason: why it failed or turned back; empty when it did neither.
    """

    status: str
    config: str
    reason: str


class Control:
    """One session with the control plane."""

    def __init__(self) -> None:
        # Its loggers announce every call and panel; what matters is logged here.
        for noisy in ("sagemaker", "sagemaker.core", "sagemaker.config"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        # Release 3.27 warns of itself when compiled and imported; where warnings are errors that
        # would fail here. To go when `python -W error -c "import sagemaker.core"` passes.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from sagemaker.core import resources, shapes

        self._resources, self._shapes = resources, shapes
        self.session = open_session()
        self._place = {"session": self.session, "region": self.session.region_name}

    def ensure_model(self, names: Names, *, url: str, policy: EndpointPolicy) -> None:
        """Create the model, or check that the one of this name is the same.

        Raises:
            AwsError: when there is one with other content.
        """
        with translated_errors(f"Creating the model {names.model}"):
            try:
                found = self._resources.Model.get(names.model, **self._place)
            except ClientError as error:
                if not is_absent(error):
                    raise
                container = self._shapes.ContainerDefinition(
                    image=policy.image, model_data_url=url, mode="SingleModel"
                )
                self._resources.Model.create(
                    model_name=names.model,
                    primary_container=container,
                    execution_role_arn=policy.role_arn,
                    **self._place,
                )
                return
            container = found.primary_container
            _refuse_other(
                names.model,
                wanted=[url, policy.image, policy.role_arn],
                found=[container.model_data_url, container.image, found.execution_role_arn],
            )

    def ensure_config(self, names: Names, policy: EndpointPolicy) -> None:
        """Create the endpoint config, or check that the one of this name is the same.

        Raises:
            AwsError: when there is one with other content.
        """
        with translated_errors(f"Creating the endpoint config {names.config}"):
            try:
                found = self._resources.EndpointConfig.get(names.config, **self._place)
            except ClientError as error:
                if not is_absent(error):
                    raise
                self._create_config(names, policy)
                return
            (variant,) = found.production_variants
            _refuse_other(
                names.config,
                wanted=[VARIANT, names.model, policy.instance_type, policy.instance_count],
                found=[
                    variant.variant_name,
                    variant.model_name,
                    variant.instance_type,
                    variant.initial_instance_count,
                ],
            )

    def find_live(self, endpoint: str) -> Live | None:
        """The endpoint as it is now, or None."""
        found = self._find(endpoint)
        return None if found is None else _read_live(found)

    def create(self, names: Names) -> None:
        """Begin to create the endpoint."""
        with translated_errors(f"Creating the endpoint {names.endpoint}"):
            self._resources.Endpoint.create(
                endpoint_name=names.endpoint, endpoint_config_name=names.config, **self._place
            )

    def update(self, names: Names, policy: EndpointPolicy) -> None:
        """Begin to move the endpoint to another config, blue/green."""
        # Not through `Endpoint.update`: it has no argument for the config, and it drops zeros, so
        # a wait of 0 s is refused as missing.
        with translated_errors(f"Updating the endpoint {names.endpoint}"):
            self.session.client("sagemaker").update_endpoint(
                EndpointName=names.endpoint,
                EndpointConfigName=names.config,
                DeploymentConfig=_build_deployment(policy),
            )

    def delete(self, endpoint: str) -> None:
        """Begin to delete the endpoint."""
        with translated_errors(f"Deleting the endpoint {endpoint}"):
            self._resources.Endpoint.get(endpoint, **self._place).delete()

    def wait(self, endpoint: str, *, minutes: int) -> Live | None:
        """Wait until no change goes on at the endpoint.

        Raises:
            AwsError: when it takes longer.
        """
        deadline = time.monotonic() + 60 * minutes
        while (live := self.find_live(endpoint)) is not None and live.status in BUSY:
            if time.monotonic() > deadline:
                raise AwsError(
                    f"The endpoint {endpoint} is still {live.status} after {minutes} minutes. "
                    "Deploy again to go on waiting, or set [endpoint] wait_minutes higher."
                )
            time.sleep(POLL_SECONDS)
        return live

    def model_url(self, config: str) -> str:
        """Where the artefact of a config's model is."""
        with translated_errors(f"Reading the endpoint config {config}"):
            found = self._resources.EndpointConfig.get(config, **self._place)
            name = found.production_variants[0].model_name
            return str(
                self._resources.Model.get(name, **self._place).primary_container.model_data_url
            )

    def _find(self, endpoint: str) -> "Endpoint | None":
        with translated_errors(f"Reading the endpoint {endpoint}"):
            try:
                return self._resources.Endpoint.get(endpoint, **self._place)
            except ClientError as error:
                if is_absent(error):
                    return None
                raise

    def _create_config(self, names: Names, policy: EndpointPolicy) -> None:
        variant = self._shapes.ProductionVariant(
            variant_name=VARIANT,
            model_name=names.model,
            instance_type=policy.instance_type,
            initial_instance_count=policy.instance_count,
            initial_variant_weight=1.0,
        )
        self._resources.EndpointConfig.create(
            endpoint_config_name=names.config, production_variants=[variant], **self._place
        )


def _build_deployment(policy: EndpointPolicy) -> dict[str, object]:
    routing: dict[str, object] = {
        "Type": policy.strategy.upper(),
        "WaitIntervalInSeconds": policy.bake_seconds,
    }
    if policy.strategy == "canary":
        routing["CanarySize"] = {"Type": "CAPACITY_PERCENT", "Value": policy.canary_percent}
    deployment: dict[str, object] = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}
    }
    if policy.alarms:
        alarms = [{"AlarmName": name} for name in policy.alarms]
        deployment["AutoRollbackConfiguration"] = {"Alarms": alarms}
    return deployment


def _read_live(found: "Endpoint") -> Live:
    # What SageMaker left out is `Unassigned()` here, not None.
    reason = found.failure_reason
    return Live(
        status=str(found.endpoint_status),
        config=str(found.endpoint_config_name),
        reason=reason if isinstance(reason, str) else "",
    )


def _refuse_other(name: str, *, wanted: list[object], found: list[object]) -> None:
    differences = [f"{f!r} instead of {w!r}" for w, f in zip(wanted, found, strict=True) if w != f]
    if differences:
        raise AwsError(
            f"{name} exists with other content: {', '.join(differences)}. Somebody else made it; "
            "delete it, then deploy again."
        )
