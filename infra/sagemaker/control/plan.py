"""What a deployment would change, found out without changing anything."""

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
from infra.sagemaker.control.client import FAILED, IN_SERVICE, Control, Live, LiveVariant
from infra.sagemaker.control.configuration import Layout, capture_prefix
from infra.sagemaker.control.deployment import find_main
from infra.sagemaker.control.traffic import describe_traffic
from infra.sagemaker.names import DIGEST_LENGTH
from infra.serving.model import Bundle


@dataclass(frozen=True, slots=True)
class Plan:
    """The difference between what is live and what is wanted.

    Attributes:
        layout: what is wanted.
        live: the endpoint as it is; None when there is none.
        variants: what its config serves.
        before: the manifest of the live model; None when there is none that can be read.
        alarms: those of the wanted alarms that exist, by name.
        stale: alarms on models that will serve no more.
    """

    layout: Layout
    live: Live | None
    variants: list[LiveVariant] = field(default_factory=list)
    before: Bundle | None = None
    alarms: dict[str, Alarm] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether the wanted model serves already."""
        live, main = self.live, find_main(self.variants)
        if live is None or live.status != IN_SERVICE:
            return False
        beside = len(self.variants) > 1 and main is not None
        return live.config == self.layout.config or (
            beside and main is not None and main.model == self.layout.main.model
        )

    def describe(self) -> str:
        """The difference as text, one change a line."""
        endpoint = self.layout.endpoint
        if self.is_empty and self.live is not None:
            return f"  no change: {endpoint} serves {self.live.config} already{self._beside()}"
        before = self.live.config if self.live else "-"
        policy = self.layout.policy
        lines = {
            "endpoint": f"{endpoint}: {self._verb()}",
            "config": f"{before} -> {self.layout.config}",
            "model": f"{self._model_before()} -> {self._model_after()}",
            "features": self._features(),
            "threshold": self._threshold(),
            "machines": self._machines(),
            "network": self._network(),
            "traffic": self._traffic(),
            "alarms": self._alarms(),
            "capture": f"{policy.capture_percent} % to {capture_prefix(policy)}",
            "actions": ", ".join(
                needed_actions(self.layout, self.live, is_tidied=bool(self.stale))
            ),
        }
        if self._beside():
            lines["beside"] = f"ends{self._beside()}"
        return "\n".join(f"  {name:9} {text}" for name, text in lines.items())

    def _verb(self) -> str:
        if self.live is None:
            return "would be created"
        if self.live.status == FAILED:
            return "failed before, would be replaced"
        return f"is {self.live.status}, would be updated"

    def _beside(self) -> str:
        told = [f"{v.name} with version {v.version or '?'}" for v in self.variants[1:]]
        return f", beside it {', '.join(told)}" if told else ""

    def _model_before(self) -> str:
        main = find_main(self.variants)
        if main is None:
            return "-"
        digest = "unknown" if self.before is None else self.before.digest[:DIGEST_LENGTH]
        return f"version {main.version or '?'} {digest}"

    def _model_after(self) -> str:
        main = self.layout.main
        return f"version {main.version} {main.bundle.digest[:DIGEST_LENGTH]}"

    def _features(self) -> str:
        wanted = [feature.name for feature in self.layout.main.bundle.features]
        if self.before is None:
            return f"{len(wanted)}"
        held = [feature.name for feature in self.before.features]
        added = [name for name in wanted if name not in held]
        removed = [name for name in held if name not in wanted]
        told = [f"{len(wanted) - len(added)} kept"]
        told += [f"{len(added)} added: {', '.join(added)}"] if added else []
        told += [f"{len(removed)} removed: {', '.join(removed)}"] if removed else []
        return "; ".join(told)

    def _threshold(self) -> str:
        wanted = self.layout.main.bundle.threshold
        after = f"{wanted.id} {wanted.probability:.6f}"
        if self.before is None:
            return after
        held = self.before.threshold
        return f"{held.id} {held.probability:.6f} -> {after}"

    def _machines(self) -> str:
        policy, main = self.layout.policy, find_main(self.variants)
        wanted = f"{policy.instance_count} x {policy.instance_type}"
        return (
            wanted if main is None or main.instances == wanted else f"{main.instances} -> {wanted}"
        )

    def _network(self) -> str:
        policy = self.layout.policy
        place = ", ".join((*policy.subnets, *policy.security_groups)) or "SageMaker's own"
        return (
            f"{place}; encrypted under {policy.kms_key or 'the keys of SageMaker and the bucket'}"
        )

    def _traffic(self) -> str:
        if self.live is None or self.live.status == FAILED:
            return "all at once: nothing serves yet"
        first = "the main variant alone; then " if len(self.variants) > 1 else ""
        return first + describe_traffic(self.layout.policy)

    def _alarms(self) -> str:
        told = []
        for name, wanted in wanted_alarms(self.layout).items():
            held = self.alarms.get(name)
            changes = [] if held is None else list(differences(wanted, held))
            verb = "made" if held is None else f"changed: {', '.join(changes)}" if changes else ""
            told.append(f"{name} > {wanted['Threshold']:g}" + (f" ({verb})" if verb else ""))
        told += [f"{name} (removed)" for name in self.stale]
        return ", ".join([*told, *self.layout.policy.alarms]) or "none"


def plan(layout: Layout) -> Plan:
    """Compare a layout with what is live.

    Raises:
        UnreachableError: when nothing answers where SageMaker should.
    """
    control = Control()
    cloudwatch = control.session.client("cloudwatch")
    with translated_errors("Reading the alarms"):
        alarms = find_alarms(list(wanted_alarms(layout)), cloudwatch)
    live = control.find_live(layout.endpoint)
    if live is None:
        return Plan(layout, None, alarms=alarms)
    variants = control.variants(live.config)
    main = find_main(variants)
    manifest = None if main is None else read_manifest(main.url, control.session)
    keep = {layout.main.bundle.digest} | ({digest_in(main.url)} if main else set())
    with translated_errors("Reading the alarms"):
        stale = find_stale(layout.endpoint, cloudwatch, keep=keep)
    return Plan(layout, live, variants, _read(manifest), alarms, stale)


def _read(manifest: bytes | None) -> Bundle | None:
    """A manifest of this format; an older one is told as unknown."""
    if manifest is None:
        return None
    try:
        found: Any = msgspec.json.decode(manifest, type=Bundle)
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, Bundle) else None
