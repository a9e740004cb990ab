"""SageMaker's control plane: the operations on resources and endpoints."""

import asyncio
from collections.abc import Callable

from infra.emulator.endpoints.endpoint import Endpoint
from infra.emulator.endpoints.plans import refuse_variants
from infra.emulator.host import Host
from infra.emulator.instances import refuse_environment
from infra.emulator.protocol import Content, ServiceError, cut_page, invalid
from infra.emulator.resources import CONFIG, ENDPOINT, MODEL, arn_of

Operation = Callable[[Content], Content]
NAMES = {MODEL: "ModelName", CONFIG: "EndpointConfigName", ENDPOINT: "EndpointName"}


class ControlPlane:
    """The control operations; must be made inside a running event loop.

    Attributes:
        endpoints: every endpoint that has a record, by name.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._resources = host.resources
        self.endpoints = {n: Endpoint(n, host) for n in host.resources.names(ENDPOINT)}
        self._leaving: set[asyncio.Task[None]] = set()
        self._operations: dict[str, Operation] = {
            "CreateModel": self._create_model,
            "DescribeModel": self._describe_model,
            "ListModels": lambda r: self._list(MODEL, "Models", self._describe_model, r),
            "DeleteModel": lambda request: self._delete(MODEL, request["ModelName"]),
            "CreateEndpointConfig": self._create_config,
            "DescribeEndpointConfig": self._describe_config,
            "ListEndpointConfigs": lambda r: self._list(
                CONFIG, "EndpointConfigs", self._describe_config, r
            ),
            "DeleteEndpointConfig": lambda r: self._delete(CONFIG, r["EndpointConfigName"]),
            "CreateEndpoint": self._create_endpoint,
            "UpdateEndpoint": self._update_endpoint,
            "UpdateEndpointWeightsAndCapacities": self._weigh_endpoint,
            "DescribeEndpoint": self._describe_endpoint,
            "ListEndpoints": lambda r: self._list(
                ENDPOINT, "Endpoints", self._describe_endpoint, r
            ),
            "DeleteEndpoint": self._delete_endpoint,
            "AddTags": self._add_tags,
            "DeleteTags": self._delete_tags,
            "ListTags": lambda r: {"Tags": self._resources.tags(r["ResourceArn"])},
        }

    async def restore(self) -> None:
        """Restore every endpoint of the state file; return when all are up or failed."""
        for name, endpoint in list(self.endpoints.items()):
            if endpoint.status == "Deleting":
                self._forget(name)
            else:
                endpoint.restore()
        await asyncio.gather(*(endpoint.wait() for endpoint in self.endpoints.values()))

    async def stop(self) -> None:
        """Stop every process of every endpoint."""
        await asyncio.gather(*(endpoint.stop() for endpoint in self.endpoints.values()))
        await asyncio.gather(*self._leaving)

    def crash_live(self) -> None:
        """Inject armed crashes into the endpoints that are not changing."""
        for endpoint in self.endpoints.values():
            endpoint.crash_live()

    def find(self, operation: str) -> Operation:
        """Return the function behind an operation.

        Raises:
            ServiceError: when SageMaker has it and this server does not.
        """
        if operation not in self._operations:
            have = ", ".join(self._operations)
            raise ServiceError(
                "UnsupportedOperation",
                f"The embedded SageMaker does not do {operation}; it does {have}.",
            )
        return self._operations[operation]

    def _create_model(self, request: Content) -> Content:
        if "ModelDataUrl" not in request.get("PrimaryContainer", {}):
            raise invalid("The embedded SageMaker needs PrimaryContainer with its ModelDataUrl.")
        if "Image" not in request["PrimaryContainer"]:
            raise invalid("PrimaryContainer must name its Image.")
        refuse_environment(request["PrimaryContainer"].get("Environment", {}))
        return {"ModelArn": self._resources.add(MODEL, request["ModelName"], request)}

    def _describe_model(self, request: Content) -> Content:
        content = self._resources.get(MODEL, request["ModelName"])
        return {**content, "ModelArn": arn_of(MODEL, request["ModelName"])}

    def _create_config(self, request: Content) -> Content:
        shadows = request.get("ShadowProductionVariants", [])
        refuse_variants(request["ProductionVariants"], shadows)
        for variant in (*request["ProductionVariants"], *shadows):
            if "ModelName" not in variant or "InstanceType" not in variant:
                raise invalid("The embedded SageMaker needs ModelName and InstanceType by variant.")
            self._resources.get(MODEL, variant["ModelName"])
        name = request["EndpointConfigName"]
        return {"EndpointConfigArn": self._resources.add(CONFIG, name, request)}

    def _describe_config(self, request: Content) -> Content:
        name = request["EndpointConfigName"]
        return {**self._resources.get(CONFIG, name), "EndpointConfigArn": arn_of(CONFIG, name)}

    def _delete(self, kind: str, name: str) -> Content:
        self._resources.remove(kind, name)
        return {}

    def _create_endpoint(self, request: Content) -> Content:
        name = request["EndpointName"]
        self._resources.get(CONFIG, request["EndpointConfigName"])
        arn = self._resources.add(ENDPOINT, name, {**request, "EndpointStatus": "Creating"})
        self.endpoints[name] = Endpoint(name, self._host)
        self.endpoints[name].create()
        return {"EndpointArn": arn}

    def _update_endpoint(self, request: Content) -> Content:
        name, config = request["EndpointName"], request["EndpointConfigName"]
        if request.get("RetainAllVariantProperties"):
            raise invalid("The embedded SageMaker does not do RetainAllVariantProperties.")
        deployment = request.get("DeploymentConfig")
        if deployment is None and request.get("RetainDeploymentConfig"):
            deployment = self._resources.get(ENDPOINT, name).get("LastDeploymentConfig")
        self._endpoint(name).update(config, deployment)
        return {"EndpointArn": arn_of(ENDPOINT, name)}

    def _describe_endpoint(self, request: Content) -> Content:
        return self._endpoint(request["EndpointName"]).describe()

    def _weigh_endpoint(self, request: Content) -> Content:
        name = request["EndpointName"]
        self._endpoint(name).weigh(request["DesiredWeightsAndCapacities"])
        return {"EndpointArn": arn_of(ENDPOINT, name)}

    def _delete_endpoint(self, request: Content) -> Content:
        name = request["EndpointName"]
        endpoint = self._endpoint(name)
        endpoint.refuse_when_busy("delete")
        self._resources.get(ENDPOINT, name)["EndpointStatus"] = "Deleting"
        self._resources.save()
        task = asyncio.create_task(self._leave(name, endpoint))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        return {}

    async def _leave(self, name: str, endpoint: Endpoint) -> None:
        await endpoint.stop()
        self._forget(name)

    def _forget(self, name: str) -> None:
        del self.endpoints[name]
        self._resources.remove(ENDPOINT, name)

    def _add_tags(self, request: Content) -> Content:
        self._resources.add_tags(request["ResourceArn"], request["Tags"])
        return {"Tags": self._resources.tags(request["ResourceArn"])}

    def _delete_tags(self, request: Content) -> Content:
        self._resources.remove_tags(request["ResourceArn"], request["TagKeys"])
        return {}

    def _list(self, kind: str, key: str, describe: Operation, request: Content) -> Content:
        found = [describe({NAMES[kind]: name}) for name in self._resources.names(kind)]
        page, token = cut_page(found, request, name=NAMES[kind])
        return {key: page, "NextToken": token}

    def _endpoint(self, name: str) -> Endpoint:
        self._resources.get(ENDPOINT, name)
        return self.endpoints[name]
