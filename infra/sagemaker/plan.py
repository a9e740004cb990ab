"""What a deployment would change, found out without changing anything."""

from dataclasses import dataclass
from pathlib import Path

from infra.sagemaker.artifact import digest_in, locate
from infra.sagemaker.control import Control, Live
from infra.sagemaker.deployment import read_bundle
from infra.sagemaker.names import DIGEST_LENGTH, Names, endpoint_name, name_deployment
from infra.sagemaker.policy import EndpointPolicy


@dataclass(frozen=True, slots=True)
class Plan:
    """The difference between what is live and what is wanted.

    Attributes:
        live: the endpoint as it is; None when there is none.
        live_url: where the artefact of the live model is; empty when nothing serves.
        url: where the artefact of the wanted model belongs.
    """

    names: Names
    live: Live | None
    live_url: str
    url: str
    policy: EndpointPolicy

    @property
    def is_empty(self) -> bool:
        """Whether the wanted config serves already."""
        live = self.live
        return live is not None and (live.status, live.config) == ("InService", self.names.config)

    def describe(self) -> str:
        """The difference as text, one change a line."""
        if self.is_empty:
            return f"  no change: {self.names.endpoint} serves {self.names.config} already"
        lines = [f"  {'endpoint':9} {self.names.endpoint}: {self._verb()}"]
        before = self.live.config if self.live else "-"
        lines.append(f"  {'config':9} {before} -> {self.names.config}")
        lines.append(f"  {'model':9} {_short(self.live_url)} -> {_short(self.url)}")
        lines.append(f"  {'machines':9} {self.policy.instance_count} x {self.policy.instance_type}")
        return "\n".join([*lines, f"  {'traffic':9} {self._traffic()}"])

    def _verb(self) -> str:
        if self.live is None:
            return "would be created"
        if self.live.status == "Failed":
            return "failed before, would be replaced"
        return f"is {self.live.status}, would be updated"

    def _traffic(self) -> str:
        if self.live is None or self.live.status == "Failed":
            return "all at once: nothing serves yet"
        bake = f"watched for {self.policy.bake_seconds} s"
        if self.policy.strategy == "canary":
            share = f"{self.policy.canary_percent} %"
            return f"canary: {share} first, {bake}, then all, {bake}"
        return f"all at once, {bake}"


def _short(url: str) -> str:
    return digest_in(url)[:DIGEST_LENGTH] if url else "-"


def plan(bundle: Path, *, endpoint: str, policy: EndpointPolicy) -> Plan:
    """Compare a bundle and a policy with what is live.

    Raises:
        InputError: when the folder is no bundle, or nothing answers where SageMaker should.
    """
    manifest = read_bundle(bundle)
    location = locate(manifest.digest, endpoint=endpoint_name(endpoint), bucket=policy.bucket)
    names = name_deployment(endpoint, digest=manifest.digest, url=location.url, policy=policy)
    control = Control()
    live = control.find_live(names.endpoint)
    live_url = control.model_url(live.config) if live is not None else ""
    return Plan(names, live, live_url, location.url, policy)
