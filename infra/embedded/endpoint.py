"""One endpoint: its status, the fleet that serves, and an update that shifts or turns back.

The record in `resources` is the truth that survives a restart: it names the live config only, so
an update that was cut short comes back as the fleet that served before it.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from infra.embedded.artifacts import ArtifactError
from infra.embedded.fleet import Fleet, Turn, VariantPlan, take_turn
from infra.embedded.host import Host
from infra.embedded.instance import Instance, StartError
from infra.embedded.protocol import Content, ServiceError, invalid
from infra.embedded.resources import CONFIG, ENDPOINT, MODEL, arn_of
from infra.embedded.shift import Shift, read_shift

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.2
MAX_REASON = 1024
BUSY = ("Creating", "Updating", "RollingBack", "Deleting")


class RollbackError(Exception):
    """Why an update must turn back."""


class Endpoint:
    """The processes and the state of one endpoint; its record must exist."""

    def __init__(self, name: str, host: Host) -> None:
        self._name = name
        self._host = host
        self._live: Fleet | None = None
        self._next: Fleet | None = None
        self._turns = (Turn(1.0), Turn(0.0))
        self._work: asyncio.Task[None] | None = None

    @property
    def status(self) -> str:
        """The status that DescribeEndpoint gives."""
        return str(self._record["EndpointStatus"])

    def create(self) -> None:
        """Bring the record's config up for the first time, in the background."""
        self._change(EndpointStatus="Creating")
        self._work = asyncio.create_task(self._create())

    def restore(self) -> None:
        """After a restart of the server: bring up what was live, in the background."""
        if self._record.get("Plans"):
            self._work = asyncio.create_task(self._restore())
        elif self.status != "Failed":
            self.create()

    def update(self, config: str, deployment: Content | None) -> None:
        """Bring another config up and shift traffic to it, in the background.

        Raises:
            ServiceError: when the endpoint is busy or not in service, or the course is impossible.
        """
        self.refuse_when_busy("update")
        if self._live is None:
            raise invalid(f'Cannot update endpoint "{self._arn}" in status {self.status}.')
        shift = read_shift(deployment)
        names = {v["VariantName"] for v in self._config(config)["ProductionVariants"]}
        if deployment and names != {variant.name for variant in self._live.variants}:
            raise invalid("A blue/green update needs the same variant names in both configs.")
        self._change(
            EndpointStatus="Updating",
            Pending=config,
            FailureReason=None,
            LastDeploymentConfig=deployment,
        )
        self._work = asyncio.create_task(self._update(config, shift))

    def refuse_when_busy(self, verb: str) -> None:
        """Refuse a change while another goes on."""
        if self.status in BUSY:
            raise invalid(f'Cannot {verb} in-progress endpoint "{self._arn}".')

    def route(self, target: str | None) -> tuple[str, Instance]:
        """The variant and the instance for the next invocation.

        Raises:
            ServiceError: when nothing serves, or there is no such variant.
        """
        if self._live is None:
            raise ServiceError("ValidationError", f"Endpoint {self._name} is {self.status}.")
        fleet = self._live
        if self._next is not None and take_turn(self._turns) == 1:
            fleet = self._next
        return fleet.pick(target)

    async def wait(self) -> None:
        """Wait until no change goes on."""
        if self._work is not None:
            await asyncio.gather(self._work, return_exceptions=True)

    async def stop(self) -> None:
        """Stop every process; the record stays as it is."""
        if self._work is not None:
            self._work.cancel()
            await self.wait()
        fleets = [fleet for fleet in (self._next, self._live) if fleet is not None]
        self._live = self._next = None
        await asyncio.gather(*(fleet.stop() for fleet in fleets))

    def describe(self) -> Content:
        """The reply of DescribeEndpoint."""
        record = self._record
        content = {key: record.get(key) for key in record if key not in ("Plans", "Pending")}
        content |= {"EndpointName": self._name, "EndpointArn": self._arn}
        if self._live is not None:
            share = self._turns[0].weight if self._next is not None else 1.0
            content["ProductionVariants"] = _summarise(self._live, share)
        if record.get("Pending"):
            pending: Content = {"EndpointConfigName": record["Pending"]}
            if self._next is not None:
                pending["ProductionVariants"] = _summarise(self._next, self._turns[1].weight)
            content["PendingDeploymentSummary"] = pending
        return content

    async def _create(self) -> None:
        config = str(self._record["EndpointConfigName"])
        try:
            plans = await self._plan(config)
            await self._bring_up(config, plans)
        except (StartError, ArtifactError, ServiceError) as error:
            log.warning("Endpoint %s failed: %s", self._name, error)
            self._change(EndpointStatus="Failed", FailureReason=str(error)[:MAX_REASON])
            return
        self._settle(config, plans, reason=None)

    async def _restore(self) -> None:
        config = str(self._record["EndpointConfigName"])
        plans = [VariantPlan(**plan) for plan in self._record["Plans"]]
        try:
            await self._bring_up(config, plans)
        except StartError as error:
            log.warning("Endpoint %s did not come back: %s", self._name, error)
            self._change(EndpointStatus="Failed", FailureReason=str(error)[:MAX_REASON])
            return
        self._settle(config, plans, reason=self._record.get("FailureReason"))

    async def _bring_up(self, config: str, plans: Sequence[VariantPlan]) -> None:
        fleet = Fleet(config, plans)
        self._next = fleet
        self._turns = (Turn(1.0), Turn(0.0))
        try:
            await fleet.start(
                self._host.artifacts.home, logs=self._log_folder, http=self._host.http
            )
        except StartError:
            self._next = None
            raise
        if self._live is None:
            self._live, self._next = fleet, None

    async def _update(self, config: str, shift: Shift) -> None:
        before = str(self._record["EndpointConfigName"])
        try:
            plans = await self._plan(config)
            await self._bring_up(config, plans)
            await self._shift(shift)
        except (StartError, ArtifactError, ServiceError, RollbackError) as error:
            log.warning("Endpoint %s keeps %s: %s", self._name, before, error)
            await self._turn_back()
            self._change(
                EndpointStatus="InService", Pending=None, FailureReason=str(error)[:MAX_REASON]
            )
            return
        old, self._live, self._next = self._live, self._next, None
        await self._pause(shift.linger_seconds)
        # The update has ended for the caller only when the old fleet is gone, as on AWS.
        if old is not None:
            await old.stop()
        self._settle(config, plans, reason=None)

    async def _shift(self, shift: Shift) -> None:
        for share in shift.shares:
            self._turns = (Turn(1.0 - share), Turn(share))
            log.info("Endpoint %s: %.0f %% to the new fleet", self._name, 100 * share)
            await self._watch(shift)

    async def _watch(self, shift: Shift) -> None:
        """Wait out a step; turn back on an alarm or on a new container that crashed."""
        end = time.monotonic() + shift.wait_seconds * self._host.time_scale
        while True:
            await self._refuse_trouble(list(shift.alarms))
            left = end - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(min(left, WATCH_SECONDS))

    async def _refuse_trouble(self, alarms: list[str]) -> None:
        try:
            ringing = await asyncio.to_thread(self._host.aws.ringing, alarms)
        except (ClientError, BotoCoreError) as error:
            raise RollbackError(f"The alarms could not be read: {error}") from error
        if ringing:
            raise RollbackError(f"One or more alarms were in ALARM: {', '.join(ringing)}")
        if self._next is not None and any(i.crashes for i in self._next.instances()):
            raise RollbackError("A container of the new fleet crashed while it was watched.")

    async def _turn_back(self) -> None:
        fleet, self._next = self._next, None
        if fleet is not None:
            self._change(EndpointStatus="RollingBack")
            await fleet.stop()

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self._host.time_scale)

    async def _plan(self, config: str) -> list[VariantPlan]:
        """What the variants of a config are to run, with their artefacts on disk."""
        return [await self._plan_variant(v) for v in self._config(config)["ProductionVariants"]]

    async def _plan_variant(self, variant: Content) -> VariantPlan:
        model = self._host.resources.get(MODEL, variant["ModelName"])
        container = model["PrimaryContainer"]
        digest = await asyncio.to_thread(self._host.artifacts.fetch, container["ModelDataUrl"])
        return VariantPlan(
            name=variant["VariantName"],
            weight=float(variant.get("InitialVariantWeight", 1.0)),
            count=int(variant.get("InitialInstanceCount", 1)),
            image=container["Image"],
            artifact=digest,
        )

    def _settle(self, config: str, plans: Sequence[VariantPlan], *, reason: str | None) -> None:
        self._change(
            EndpointStatus="InService",
            EndpointConfigName=config,
            Plans=[asdict(plan) for plan in plans],
            Pending=None,
            FailureReason=reason,
        )
        log.info("Endpoint %s serves %s", self._name, config)

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

    @property
    def _log_folder(self) -> Path:
        return self._host.logs / self._name


def _summarise(fleet: Fleet, share: float) -> list[Content]:
    return [
        {
            "VariantName": variant.name,
            "DeployedImages": [{"SpecifiedImage": variant.image}],
            "CurrentWeight": variant.turn.weight * share,
            "DesiredWeight": variant.turn.weight,
            "CurrentInstanceCount": len(variant.instances),
            "DesiredInstanceCount": len(variant.instances),
        }
        for variant in fleet.variants
    ]
