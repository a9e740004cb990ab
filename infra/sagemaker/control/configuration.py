"""The configuration of an endpoint: main variant, at most one more variant, data capture.

It gives the requests that create models and configs, and their names.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from expectations.contract import InputError
from infra.sagemaker.artifact import locate
from infra.sagemaker.names import CANDIDATE, SHADOW, VARIANT, config_name, endpoint_name, model_name
from infra.sagemaker.policy import EndpointPolicy
from infra.serving.model import Bundle, BundleError, load_bundle

Request = dict[str, Any]
DIGEST_VARIABLE = "OVERNIGHT_MODEL_DIGEST"


@dataclass(frozen=True, slots=True)
class Release:
    """A registered version on its way to an endpoint.

    Attributes:
        version: its number in the registry, as text.
        folder: its bundle.
    """

    version: str
    folder: Path


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A release as a model of SageMaker.

    Attributes:
        model: the model's name.
        url: where its artefact belongs.
        environment: variables of the container.
    """

    model: str
    version: str
    bundle: Bundle
    folder: Path
    url: str
    environment: dict[str, str]

    def model_request(self, policy: EndpointPolicy) -> Request:
        """Build the request of CreateModel."""
        container = {
            "Image": policy.image,
            "Mode": "SingleModel",
            "ModelDataUrl": self.url,
            "Environment": self.environment,
        }
        request: Request = {
            "ModelName": self.model,
            "PrimaryContainer": container,
            "ExecutionRoleArn": policy.role_arn,
        }
        if policy.subnets:
            request["VpcConfig"] = {
                "Subnets": [*policy.subnets],
                "SecurityGroupIds": [*policy.security_groups],
            }
        return request


@dataclass(frozen=True, slots=True)
class EndpointConfiguration:
    """Everything behind one endpoint.

    Attributes:
        endpoint: its name.
        main: the model that answers all requests, or all that `candidate` does not.
        candidate: answers a share of the requests; None without a split.
        shadow: gets copies, its answers are discarded; None without one.
        share: of the requests, for the candidate or the shadow, above 0 and at most 1.
        policy: of the spec.
    """

    endpoint: str
    main: ServedModel
    policy: EndpointPolicy
    candidate: ServedModel | None = None
    shadow: ServedModel | None = None
    share: float = 0.0

    @property
    def models(self) -> list[ServedModel]:
        """Every model, the main one first."""
        return [m for m in (self.main, self.candidate, self.shadow) if m is not None]

    @property
    def config(self) -> str:
        """The config's name."""
        return config_name(self.endpoint, self._content())

    def config_request(self) -> Request:
        """Build the request of CreateEndpointConfig."""
        return {"EndpointConfigName": self.config, **self._content()}

    def _content(self) -> Request:
        rest = 1.0 if self.candidate is None else 1.0 - self.share
        variants = [self._variant(VARIANT, self.main, weight=rest)]
        if self.candidate is not None:
            variants.append(self._variant(CANDIDATE, self.candidate, weight=self.share))
        content: Request = {"ProductionVariants": variants}
        if self.shadow is not None:
            shadow = self._variant(SHADOW, self.shadow, weight=self.share)
            content["ShadowProductionVariants"] = [shadow]
        key = {"KmsKeyId": self.policy.kms_key} if self.policy.kms_key else {}
        content |= key
        if self.policy.capture_percent:
            content["DataCaptureConfig"] = {
                **key,
                "EnableCapture": True,
                "InitialSamplingPercentage": self.policy.capture_percent,
                "DestinationS3Uri": capture_prefix(self.policy),
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                "CaptureContentTypeHeader": {
                    "JsonContentTypes": ["application/json"],
                    "CsvContentTypes": ["text/csv"],
                },
            }
        return content

    def _variant(self, name: str, served: ServedModel, *, weight: float) -> Request:
        return {
            "VariantName": name,
            "ModelName": served.model,
            "InstanceType": self.policy.instance_type,
            "InitialInstanceCount": self.policy.instance_count,
            "InitialVariantWeight": weight,
        }


def capture_prefix(policy: EndpointPolicy) -> str:
    """Return the prefix of captured requests; SageMaker adds endpoint, variant and hour."""
    return f"s3://{policy.bucket}/captured"


def main_alone(endpoint: str, config: Request) -> Request:
    """Build the request of CreateEndpointConfig that keeps only the main variant of a config."""
    (main,) = [v for v in config["ProductionVariants"] if v["VariantName"] == VARIANT]
    kept = ("VariantName", "ModelName", "InstanceType", "InitialInstanceCount")
    variant = {key: main[key] for key in kept} | {"InitialVariantWeight": 1.0}
    content: Request = {"ProductionVariants": [variant]}
    content |= {key: config[key] for key in ("DataCaptureConfig", "KmsKeyId") if key in config}
    return {"EndpointConfigName": config_name(endpoint, content), **content}


def plan_configuration(
    release: Release, *, spec: str, policy: EndpointPolicy
) -> EndpointConfiguration:
    """Build the configuration of a spec's endpoint that serves one release.

    Raises:
        InputError: when its folder is no whole bundle, or the spec cannot name an endpoint.
    """
    endpoint = endpoint_name(spec)
    return EndpointConfiguration(
        endpoint, _serve(release, endpoint=endpoint, policy=policy), policy
    )


def with_shadow(
    configuration: EndpointConfiguration, release: Release, *, share: float
) -> EndpointConfiguration:
    """Return the configuration with a shadow that gets a share of the requests."""
    served = _serve(release, endpoint=configuration.endpoint, policy=configuration.policy)
    return replace(configuration, shadow=served, candidate=None, share=share)


def with_candidate(
    configuration: EndpointConfiguration, release: Release, *, share: float
) -> EndpointConfiguration:
    """Return the configuration with a candidate that answers a share of the requests."""
    served = _serve(release, endpoint=configuration.endpoint, policy=configuration.policy)
    return replace(configuration, candidate=served, shadow=None, share=share)


def _serve(release: Release, *, endpoint: str, policy: EndpointPolicy) -> ServedModel:
    bundle = read_bundle(release.folder)
    url = locate(bundle.digest, endpoint=endpoint, bucket=policy.bucket).url
    environment = {
        "OVERNIGHT_ENDPOINT": endpoint,
        "OVERNIGHT_MODEL_VERSION": release.version,
        # SageMaker fetches the artefact anew for every instance, long after it was verified.
        DIGEST_VARIABLE: bundle.digest,
    }
    network = [*policy.subnets, *policy.security_groups]
    place = [url, policy.image, policy.role_arn, *environment.values(), *network]
    name = model_name(endpoint, bundle.digest, place=place)
    return ServedModel(name, release.version, bundle, release.folder, url, environment)


def read_bundle(folder: Path) -> Bundle:
    """Read and check a bundle's manifest.

    Raises:
        InputError: when the folder is no whole bundle.
    """
    try:
        return load_bundle(folder)
    except BundleError as error:
        raise InputError(str(error)) from error
