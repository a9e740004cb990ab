"""The plan of a deployment: what it would change, found by reading only."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from infra.sagemaker.artifact import digest_in, read_manifest
from infra.sagemaker.connection import translated_errors
from infra.sagemaker.control.actions import needed_actions
from infra.sagemaker.control.alarms import (
    Alarm,
    differences,
    find_alarms,
    find_stale,
    wanted_alarms,
)
from infra.sagemaker.control.client import Control, EndpointState, VariantState
from infra.sagemaker.control.configuration import EndpointConfiguration, capture_prefix
from infra.sagemaker.control.deployment import find_main
from infra.sagemaker.endpoint_status import FAILED, IN_SERVICE
from infra.sagemaker.names import DIGEST_LENGTH
from infra.sagemaker.strategies import describe_traffic
from infra.serving.model import Bundle


@dataclass(frozen=True, slots=True)
class Plan:
    """The difference between the live configuration and the wanted one.

    Attributes:
        configuration: the wanted one.
        state: the endpoint as it is; None when there is none.
        variants: of its live config.
        before: the manifest of the live model; None when there is none that can be read.
        alarms: those of the wanted alarms that exist, by name.
        stale: alarms on models that will serve no more.
    """

    configuration: EndpointConfiguration
    state: EndpointState | None
    variants: list[VariantState] = field(default_factory=list)
    before: Bundle | None = None
    alarms: dict[str, Alarm] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """True if the wanted model serves already."""
        state, main = self.state, find_main(self.variants)
        if state is None or state.status != IN_SERVICE:
            return False
        beside = len(self.variants) > 1 and main is not None
        return state.config == self.configuration.config or (
            beside and main is not None and main.model == self.configuration.main.model
        )

    def describe(self) -> str:
        """Describe the difference, one change a line."""
        endpoint = self.configuration.endpoint
        if self.is_empty and self.state is not None:
            return f"  no change: {endpoint} serves {self.state.config} already{self._others()}"
        before = self.state.config if self.state else "-"
        policy = self.configuration.policy
        lines = {
            "endpoint": f"{endpoint}: {self._verb()}",
            "config": f"{before} -> {self.configuration.config}",
            "model": f"{self._model_before()} -> {self._model_after()}",
            "features": self._features(),
            "threshold": self._threshold(),
            "machines": self._machines(),
            "network": self._network(),
            "traffic": self._traffic(),
            "alarms": self._alarms(),
            "capture": f"{policy.capture_percent} % to {capture_prefix(policy)}",
            "actions": ", ".join(
                needed_actions(self.configuration, self.state, is_tidied=bool(self.stale))
            ),
        }
        if self._others():
            lines["beside"] = f"ends{self._others()}"
        return "\n".join(f"  {name:9} {text}" for name, text in lines.items())

    def _verb(self) -> str:
        if self.state is None:
            return "would be created"
        if self.state.status == FAILED:
            return "failed before, would be replaced"
        return f"is {self.state.status}, would be updated"

    def _others(self) -> str:
        others = [f"{v.name} with version {v.version or '?'}" for v in self.variants[1:]]
        return f", beside it {', '.join(others)}" if others else ""

    def _model_before(self) -> str:
        main = find_main(self.variants)
        if main is None:
            return "-"
        digest = "unknown" if self.before is None else self.before.digest[:DIGEST_LENGTH]
        return f"version {main.version or '?'} {digest}"

    def _model_after(self) -> str:
        main = self.configuration.main
        return f"version {main.version} {main.bundle.digest[:DIGEST_LENGTH]}"

    def _features(self) -> str:
        wanted = [feature.name for feature in self.configuration.main.bundle.features]
        if self.before is None:
            return f"{len(wanted)}"
        current = [feature.name for feature in self.before.features]
        added = [name for name in wanted if name not in current]
        removed = [name for name in current if name not in wanted]
        parts = [f"{len(wanted) - len(added)} kept"]
        parts += [f"{len(added)} added: {', '.join(added)}"] if added else []
        parts += [f"{len(removed)} removed: {', '.join(removed)}"] if removed else []
        return "; ".join(parts)

    def _threshold(self) -> str:
        wanted = self.configuration.main.bundle.threshold
        after = f"{wanted.id} {wanted.probability:.6f}"
        if self.before is None:
            return after
        current = self.before.threshold
        return f"{current.id} {current.probability:.6f} -> {after}"

    def _machines(self) -> str:
        policy, main = self.configuration.policy, find_main(self.variants)
        wanted = f"{policy.instance_count} x {policy.instance_type}"
        return (
            wanted if main is None or main.instances == wanted else f"{main.instances} -> {wanted}"
        )

    def _network(self) -> str:
        policy = self.configuration.policy
        place = ", ".join((*policy.subnets, *policy.security_groups)) or "SageMaker's own"
        return (
            f"{place}; encrypted under {policy.kms_key or 'the keys of SageMaker and the bucket'}"
        )

    def _traffic(self) -> str:
        if self.state is None or self.state.status == FAILED:
            return "all at once: nothing serves yet"
        first = "the main variant alone; then " if len(self.variants) > 1 else ""
        return first + describe_traffic(self.configuration.policy)

    def _alarms(self) -> str:
        parts = []
        for name, wanted in wanted_alarms(self.configuration).items():
            current = self.alarms.get(name)
            changes = [] if current is None else list(differences(wanted, current))
            verb = (
                "made" if current is None else f"changed: {', '.join(changes)}" if changes else ""
            )
            parts.append(f"{name} > {wanted['Threshold']:g}" + (f" ({verb})" if verb else ""))
        parts += [f"{name} (removed)" for name in self.stale]
        return ", ".join([*parts, *self.configuration.policy.alarms]) or "none"


def plan(configuration: EndpointConfiguration) -> Plan:
    """Compare a configuration with the endpoint as it is.

    Raises:
        UnreachableError: when nothing answers where SageMaker should.
    """
    control = Control()
    cloudwatch = control.session.client("cloudwatch")
    with translated_errors("Reading the alarms"):
        alarms = find_alarms(list(wanted_alarms(configuration)), cloudwatch)
    state = control.find_state(configuration.endpoint)
    if state is None:
        return Plan(configuration, None, alarms=alarms)
    variants = control.variants(state.config)
    main = find_main(variants)
    manifest = None if main is None else read_manifest(main.url, control.session)
    keep = {configuration.main.bundle.digest} | ({digest_in(main.url)} if main else set())
    with translated_errors("Reading the alarms"):
        stale = find_stale(configuration.endpoint, cloudwatch, keep=keep)
    return Plan(configuration, state, variants, _read(manifest), alarms, stale)


def _read(manifest: bytes | None) -> Bundle | None:
    """Decode a manifest; None for one of an older format."""
    if manifest is None:
        return None
    try:
        found: Any = msgspec.json.decode(manifest, type=Bundle)
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, Bundle) else None
