"""One endpoint: its status, its live fleet, and an update that shifts traffic or rolls back.

The record in `resources` survives a restart and names the live config only, so after an
interrupted update the fleet of before serves again.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, replace

from infra.emulator.artifacts import ArtifactError
from infra.emulator.endpoints.description import summarise, summarise_capture
from infra.emulator.endpoints.fleet import Fleet
from infra.emulator.endpoints.instance import StartError
from infra.emulator.endpoints.plans import FleetPlan, build_plan, read_plan
from infra.emulator.endpoints.rollout import (
    RollbackError,
    inject_crash,
    inject_start_faults,
    require_healthy,
    shift_traffic,
)
from infra.emulator.endpoints.shift import Shift, read_shift
from infra.emulator.endpoints.traffic import Traffic
from infra.emulator.host import Host
from infra.emulator.protocol import Content, ServiceError, invalid
from infra.emulator.resources import CONFIG, ENDPOINT, arn_of
from infra.sagemaker import BUSY, FAILED, IN_SERVICE, UPDATING

log = logging.getLogger(__name__)

MAX_REASON = 1024


class Endpoint:
    """The processes and the state of one endpoint; its record must exist."""

    def __init__(self, name: str, host: Host) -> None:
        self._name = name
        self._host = host
        self._traffic = Traffic()
        self._work: asyncio.Task[None] | None = None

    @property
    def status(self) -> str:
        """The status that DescribeEndpoint gives."""
        return str(self._record["EndpointStatus"])

    def create(self) -> None:
        """Start the fleet of the record's config for the first time, in the background."""
        self._change(EndpointStatus="Creating")
        self._work = asyncio.create_task(self._create())

    def restore(self) -> None:
        """Bring up the live fleet after a restart of the server, in the background."""
        if self._record.get("Plan"):
            self._work = asyncio.create_task(self._restore())
        elif self.status != FAILED:
            self.create()

    def update(self, config: str, deployment: Content | None) -> None:
        """Start the fleet of another config and shift traffic to it, in the background.

        Raises:
            ServiceError: when the endpoint is busy or not in service, or the course is impossible.
        """
        self.refuse_when_busy("update")
        if self._traffic.live is None:
            raise invalid(f'Cannot update endpoint "{self._arn}" in status {self.status}.')
        shift = read_shift(deployment)
        names = {v["VariantName"] for v in self._config(config)["ProductionVariants"]}
        if deployment and names != {variant.name for variant in self._traffic.live.variants}:
            raise invalid("A blue/green update needs the same variant names in both configs.")
        self._change(
            EndpointStatus=UPDATING,
            Pending=config,
            FailureReason=None,
            LastDeploymentConfig=deployment,
        )
        self._work = asyncio.create_task(self._update(config, shift))

    def refuse_when_busy(self, verb: str) -> None:
        """Refuse a change while another goes on."""
        if self.status in BUSY:
            raise invalid(f'Cannot {verb} in-progress endpoint "{self._arn}".')

    def route(self) -> Fleet:
        """Return the fleet for the next invocation.

        Raises:
            ServiceError: when nothing serves.
        """
        fleet = self._traffic.route()
        if fleet is None:
            raise ServiceError("ValidationError", f"Endpoint {self._name} is {self.status}.")
        return fleet

    def weigh(self, desired: Sequence[Content]) -> None:
        """Set weights of production variants.

        Raises:
            ServiceError: when the endpoint is busy, or a variant is not there or to be resized.
        """
        self.refuse_when_busy("update")
        plan = read_plan(self._record["Plan"])
        known = {variant.name: variant for variant in plan.variants}
        for one in desired:
            variant = known.get(one["VariantName"])
            if variant is None:
                raise invalid(f"Variant {one['VariantName']} is not of this endpoint.")
            if one.get("DesiredInstanceCount", variant.count) != variant.count:
                raise invalid("The embedded SageMaker changes weights here, not instance counts.")
            weight = float(one.get("DesiredWeight", variant.weight))
            known[variant.name] = replace(variant, weight=weight)
        if not any(variant.weight for variant in known.values()):
            raise invalid("At least one variant must have a weight above 0.")
        plan = replace(plan, variants=list(known.values()))
        if self._traffic.live is not None:
            self._traffic.live.weigh({variant.name: variant.weight for variant in plan.variants})
        self._change(Plan=asdict(plan))

    def crash_live(self) -> None:
        """Inject an armed crash into the live fleet; in an update it waits for the new fleet."""
        if self._traffic.live is not None and self.status not in BUSY:
            inject_crash(self._name, self._traffic.live, self._host)

    async def wait(self) -> None:
        """Wait until no change goes on."""
        if self._work is not None:
            await asyncio.gather(self._work, return_exceptions=True)

    async def stop(self) -> None:
        """Stop every process; the record stays as it is."""
        if self._work is not None:
            self._work.cancel()
            await self.wait()
        await asyncio.gather(*(fleet.stop() for fleet in self._traffic.end()))

    def describe(self) -> Content:
        """Return the reply of DescribeEndpoint."""
        record = self._record
        content = {key: record.get(key) for key in record if key not in ("Plan", "Pending")}
        content |= {"EndpointName": self._name, "EndpointArn": self._arn}
        if self._traffic.live is not None:
            content |= summarise(self._traffic.live, 1.0 - self._traffic.share)
            content["DataCaptureConfig"] = summarise_capture(record.get("Plan"))
        if record.get("Pending"):
            pending: Content = {"EndpointConfigName": record["Pending"]}
            if self._traffic.next is not None:
                pending |= summarise(self._traffic.next, self._traffic.share)
            content["PendingDeploymentSummary"] = pending
        return content

    async def _create(self) -> None:
        try:
            plan = await self._plan(str(self._record["EndpointConfigName"]))
            await self._bring_up(plan)
        except (StartError, ArtifactError, ServiceError) as error:
            self._fail(error)
            return
        self._finalise(plan, reason=None)

    async def _restore(self) -> None:
        plan = read_plan(self._record["Plan"])
        try:
            await self._bring_up(plan)
        except StartError as error:
            self._fail(error)
            return
        self._finalise(plan, reason=self._record.get("FailureReason"))

    def _fail(self, error: Exception) -> None:
        log.warning("Endpoint %s failed: %s", self._name, error)
        self._change(EndpointStatus=FAILED, FailureReason=str(error)[:MAX_REASON])

    async def _bring_up(self, plan: FleetPlan) -> None:
        fleet = Fleet(self._name, plan)
        self._traffic.prepare(fleet)
        try:
            await inject_start_faults(self._name, self._host)
            await fleet.start(self._host, logs=self._host.logs / self._name)
        except StartError:
            self._traffic.withdraw()
            raise
        if self._traffic.live is None:
            self._traffic.switch()

    async def _update(self, config: str, shift: Shift) -> None:
        before = str(self._record["EndpointConfigName"])
        try:
            # An alarm that is in ALARM before traffic moved ends the deployment, as on AWS.
            require_healthy(self._traffic, shift, self._host)
            plan = await self._plan(config)
            await self._bring_up(plan)
            await shift_traffic(self._name, self._traffic, shift, self._host)
        except (StartError, ArtifactError, ServiceError, RollbackError) as error:
            log.warning("Endpoint %s keeps %s: %s", self._name, before, error)
            await self._roll_back()
            self._change(
                EndpointStatus=IN_SERVICE, Pending=None, FailureReason=str(error)[:MAX_REASON]
            )
            return
        old = self._traffic.switch()
        await asyncio.sleep(shift.linger_seconds * self._host.time_scale)
        # The update has ended for the caller only when the old fleet is gone, as on AWS.
        if old is not None:
            await old.stop()
        self._finalise(plan, reason=None)

    async def _roll_back(self) -> None:
        self._change(EndpointStatus="RollingBack")
        fleet = self._traffic.withdraw()
        if fleet is not None:
            await fleet.stop()

    async def _plan(self, config: str) -> FleetPlan:
        content = self._config(config)
        return await build_plan(
            config, content, resources=self._host.resources, artifacts=self._host.artifacts
        )

    def _finalise(self, plan: FleetPlan, *, reason: str | None) -> None:
        self._change(
            EndpointStatus=IN_SERVICE,
            EndpointConfigName=plan.config,
            Plan=asdict(plan),
            Pending=None,
            FailureReason=reason,
        )
        log.info("Endpoint %s serves %s", self._name, plan.config)

    def _change(self, **changes: object) -> None:
        self._record.update(changes, LastModifiedTime=time.time())
        self._host.resources.save()

    def _config(self, name: str) -> Content:
        return self._host.resources.get(CONFIG, name)

    @property
    def _record(self) -> Content:
        return self._host.resources.get(ENDPOINT, self._name)

    @property
    def _arn(self) -> str:
        return arn_of(ENDPOINT, self._name)
