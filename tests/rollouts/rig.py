"""An installation with a champion and an approved version, and an endpoint that clients ask.

Each case starts from the same copy of it: the champion serves, and a deployment of the approved
version lies ahead.
"""

import contextlib
import json
import shutil
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from infra.sagemaker.control.deployment import update_all_at_once
from infra.sagemaker.runtime.invocation import ask
from infra.serving.model.bundle import load_bundle
from pipelines import steps
from pipelines.config.installation.settings import load_settings
from pipelines.config.spec import ModelSpec, load_spec
from pipelines.deployment.releases import endpoint_configuration
from pipelines.governance.decision_log import DecisionLog
from pipelines.governance.digests import open_decisions
from pipelines.modelling.bundles import fetch_verified
from pipelines.tracking.registry import Registry, open_registry
from tests.infra.embedded_server import EmbeddedServer, wait_for
from tests.pipelines.nights import ALONE, AS_OF, candidate, installed, variant, write_later_set

SPEC = "cards"
# Each night is a day later than the one before, and has a training set of its own.
NIGHTS = (AS_OF, "2025-02-11", "2025-02-12")
SMALL = {"training__trials": 1, "training__lightgbm__members": 1}
# What a busy machine needs for an answer is no fault of a model.
ROLLOUT = {
    "strategy": '"canary"', "canary_percent": "50", "bake_seconds": "20", "watch.p99_ms": "10_000",
}  # fmt: skip
# A client that asks one row over and over is no sample of what training saw.
UNWATCHED = {
    f"watch.{name}": "inf" for name in ("score_shift", "alert_rate_factor", "missing_shift")
}

# Between two requests of a client: it would take the processor that a deployment needs.
PAUSE_SECONDS = 0.01


@dataclass(slots=True)
class Traffic:
    """What a client saw that asks all the time.

    Attributes:
        digests: of the models that answered, in order.
        errors: of the requests that failed.
    """

    digests: list[str]
    errors: list[str]


class Rig:
    """One case: a home of its own, its spec, and the server that all cases share."""

    def __init__(self, home: Path, spec_file: Path, server: EmbeddedServer, *, case: str) -> None:
        self.home, self.server, self.case = home, server, case
        self.spec_file = home / spec_file.name
        if not self.spec_file.exists():
            shutil.copy(spec_file, self.spec_file)
        # A bucket of its own, so that this case makes its own model and config.
        self.reference = self.declared()
        self.spec: ModelSpec = load_spec(self.reference)

    def declared(self, changes: Mapping[str, object] | None = None, *, bucket: str = "") -> str:
        """A file of the spec whose endpoint is as these cases need it, with further changes."""
        endpoint = {**ROLLOUT, **UNWATCHED, **(changes or {}), "bucket": f'"{bucket or self.case}"'}
        lines = [f"{key} = {value}" for key, value in endpoint.items() if value is not None]
        return variant(self.spec_file, {}, more="\n".join(["\n[endpoint]", *lines, ""]))

    @property
    def registry(self) -> Registry:
        return open_registry(self.spec)

    @property
    def chain(self) -> DecisionLog:
        return open_decisions(self.spec, self.registry).load()

    def digest(self, version: int) -> str:
        return self.registry.get(str(version)).tags["overnight.bundle_digest"]

    def watched_for(self, seconds: int) -> str:
        """The spec with another length of each step."""
        return self.declared({"bake_seconds": seconds})

    def watched_shifts(self, seconds: int) -> str:
        """The same, where the shifts are watched too."""
        return self.declared({"bake_seconds": seconds, **dict.fromkeys(UNWATCHED)})

    def deploy(self) -> str:
        return steps.deploy(self.reference)

    def reset(self) -> None:
        """Bring version 1 to the endpoint as the template has it, and forget the alarms."""
        before = load_spec(self.declared(bucket="template"))
        with endpoint_configuration(
            before, self.registry, self.registry.get("1"), digest=None
        ) as layout:
            assert update_all_at_once(layout) == ""
        with contextlib.closing(boto3.client("cloudwatch")) as client:
            names = [alarm["AlarmName"] for alarm in client.describe_alarms()["MetricAlarms"]]
            client.delete_alarms(AlarmNames=names)

    def kinds(self) -> list[str]:
        return [record.kind for record in self.chain.records]

    def live(self) -> dict:
        with contextlib.closing(boto3.client("sagemaker")) as client:
            return client.describe_endpoint(EndpointName=SPEC)

    def exists(self) -> bool:
        with contextlib.closing(boto3.client("sagemaker")) as client:
            return bool(client.list_endpoints(NameContains=SPEC)["Endpoints"])

    def delete(self) -> None:
        """Somebody deletes the endpoint."""
        if self.exists():
            with contextlib.closing(boto3.client("sagemaker")) as client:
                client.delete_endpoint(EndpointName=SPEC)
        assert wait_for(lambda: not self.exists())

    def forget_models(self) -> None:
        """Somebody deletes the models of this case."""
        with contextlib.closing(boto3.client("sagemaker")) as client:
            for page in client.get_paginator("list_models").paginate():
                for name in (model["ModelName"] for model in page["Models"]):
                    held = client.describe_model(ModelName=name)["PrimaryContainer"]
                    if self.case in held["ModelDataUrl"]:
                        client.delete_model(ModelName=name)

    def pending(self) -> dict:
        return self.live().get("PendingDeploymentSummary", {})

    def row(self) -> dict:
        return dict(self.golden[0])

    @property
    def golden(self) -> list[dict]:
        folder = self.home / "row"
        if not folder.exists():
            folder.mkdir()
            fetch_verified(self.registry, self.registry.get("1"), target=folder)
        (found,) = folder.glob("**/bundle.json")
        bundle = load_bundle(found.parent)
        names = [feature.name for feature in bundle.features]
        return [{n: v.features.get(n) for n in names} for v in bundle.golden]

    @contextlib.contextmanager
    def asked(self) -> Iterator[Traffic]:
        """A client that asks all the time while the block lasts."""
        traffic, over, row = Traffic([], []), threading.Event(), self.row()

        def ask_on() -> None:
            while not over.is_set():
                try:
                    traffic.digests.append(ask(SPEC, [row], inference_id="client").digest)
                except Exception as error:  # noqa: BLE001 -- any failure at all is what is looked for
                    traffic.errors.append(repr(error))
                over.wait(PAUSE_SECONDS)

        thread = threading.Thread(target=ask_on)
        thread.start()
        try:
            yield traffic
        finally:
            over.set()
            thread.join()

    def arm(self, *faults: dict) -> None:
        self._send("POST", json.dumps(faults).encode())

    def disarm(self) -> None:
        self._send("DELETE")

    def forget_calls(self) -> None:
        self._send("DELETE", path="calls")

    def calls(self) -> list[tuple[str, str]]:
        """Service and operation of every call since the last forgetting."""
        return [(c["service"], c["operation"]) for c in self._send("GET", path="calls")]

    def mutations(self) -> list[str]:
        return [c["operation"] for c in self._send("GET", path="calls") if c["mutating"]]

    def made(self) -> dict[str, list[str]]:
        """Models of this case's version 2, and the configs that name one of them."""
        part = self.digest(2)[:12]
        with contextlib.closing(boto3.client("sagemaker")) as client:
            models = [
                m["ModelName"] for m in client.list_models(NameContains=part)["Models"]
                if self.case in client.describe_model(ModelName=m["ModelName"])[
                    "PrimaryContainer"
                ]["ModelDataUrl"]
            ]  # fmt: skip
            configs = []
            for page in client.get_paginator("list_endpoint_configs").paginate():
                for config in page["EndpointConfigs"]:
                    name = config["EndpointConfigName"]
                    held = client.describe_endpoint_config(EndpointConfigName=name)
                    if held["ProductionVariants"][0]["ModelName"] in models:
                        configs.append(name)
        return {"models": models, "configs": configs}

    def captured(self) -> bytes:
        """Everything that was captured of this endpoint's main variant."""
        with contextlib.closing(boto3.client("s3")) as client:
            found = client.list_objects_v2(Bucket="template", Prefix="captured/cards/AllTraffic/")
            keys = [entry["Key"] for entry in found.get("Contents", [])]
            return b"".join(
                client.get_object(Bucket="template", Key=key)["Body"].read() for key in keys
            )

    def alarms(self) -> list[str]:
        with contextlib.closing(boto3.client("cloudwatch")) as client:
            return [alarm["AlarmName"] for alarm in client.describe_alarms()["MetricAlarms"]]

    def put_alarms(self, *names: str) -> None:
        """Alarms on a metric that nobody writes."""
        with contextlib.closing(boto3.client("cloudwatch")) as client:
            for name in names:
                client.put_metric_alarm(
                    AlarmName=name, MetricName="Tide", Namespace="Sea", Period=60,
                    EvaluationPeriods=1, Threshold=1, Statistic="Sum",
                    ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching",
                )  # fmt: skip

    def settle(self) -> None:
        """Wait until no change goes on at the endpoint."""
        assert wait_for(lambda: self.live()["EndpointStatus"] in ("InService", "Failed"), 60)

    def begin_slow_update(self) -> None:
        """Somebody moves the endpoint to a config of their own, and it takes two seconds."""
        with contextlib.closing(boto3.client("sagemaker")) as client:
            held = client.describe_endpoint_config(
                EndpointConfigName=self.live()["EndpointConfigName"]
            )
            other = f"slow-{self.case}"[:60].rstrip("-")
            client.create_endpoint_config(
                EndpointConfigName=other, ProductionVariants=held["ProductionVariants"]
            )
            routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 200}
            client.update_endpoint(
                EndpointName=SPEC, EndpointConfigName=other,
                DeploymentConfig={
                    "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
                },
            )  # fmt: skip

    def _send(self, method: str, body: bytes | None = None, *, path: str = "faults") -> list[dict]:
        request = urllib.request.Request(f"{self.server.address}/{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status < 300
            text = answer.read()
        return json.loads(text) if text else []


@contextlib.contextmanager
def prepared(folder: Path) -> Iterator[Path]:
    """A home with versions 1 and 2, of two nights and their training sets; and the spec."""
    with installed(folder) as night:
        night.declare(ALONE)
        training_set = night.training_set
        for seed, as_of in enumerate(NIGHTS[:2], start=1):
            if as_of != AS_OF:
                training_set = write_later_set(night.lake, night.rows, as_of=as_of)
            reference = night.reference(**SMALL, training__seed=seed)
            steps.register(reference, as_of, candidate(reference, as_of, training_set))
        yield night.path


@contextlib.contextmanager
def opened(template: Path, home: Path) -> Iterator[None]:
    """A copy of a home as this process's installation."""
    shutil.copytree(template, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERNIGHT_HOME", str(home))
        for name in ("OVERNIGHT_LAKE", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        load_settings.cache_clear()
        yield
    load_settings.cache_clear()
