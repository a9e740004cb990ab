"""boto3 clients of an embedded server, and the few calls that bring a model up."""

import json
import time

import boto3

from infra.sagemaker.artifact import build_archive
from tests.infra.embedded_server import wait_for

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/overnight-serving:1"
BUCKET = "models"


class Clients:
    """What a user of boto3 would call, in short."""

    def __init__(self):
        self.s3 = boto3.client("s3")
        self.sagemaker = boto3.client("sagemaker")
        self.runtime = boto3.client("sagemaker-runtime")
        self.cloudwatch = boto3.client("cloudwatch")

    def put_model(self, name, folder, **environment):
        """Upload a bundle, then make a model and an endpoint config, both of this name."""
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_object(Bucket=BUCKET, Key=name, Body=build_archive(folder))
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/{name}"}
        container["Environment"] = environment
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container)
        self.put_config(name, name)

    def put_config(self, name, model, **more):
        variants = [variant(model, **more)]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)

    def create(self, endpoint, config):
        self.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        return self.settle(endpoint)

    def update(self, endpoint, config, **deployment):
        more = {"DeploymentConfig": deployment} if deployment else {}
        self.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, **more)

    def settle(self, endpoint):
        """Wait until no change goes on; the endpoint as it is then."""
        final = ("InService", "Failed")
        assert wait_for(lambda: self.describe(endpoint)["EndpointStatus"] in final, seconds=60)
        return self.describe(endpoint)

    def describe(self, endpoint):
        return self.sagemaker.describe_endpoint(EndpointName=endpoint)

    def invoke(self, endpoint, instances, **more):
        answer = self.runtime.invoke_endpoint(
            EndpointName=endpoint,
            Body=json.dumps({"instances": instances}),
            ContentType="application/json",
            **more,
        )
        return {**json.loads(answer["Body"].read()), "variant": answer["InvokedProductionVariant"]}

    def scores(self, endpoint, instances):
        return [p["score"] for p in self.invoke(endpoint, instances)["predictions"]]

    def digests_until_settled(self, endpoint, instances):
        """Invoke without a pause until the update ends; the digest of each answer, in order."""
        digests = []
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for _ in range(20):
                digests.append(self.invoke(endpoint, instances)["model"]["digest"])
            if self.describe(endpoint)["EndpointStatus"] == "InService":
                return digests
        raise AssertionError("The update did not end.")

    def close(self):
        for client in (self.s3, self.sagemaker, self.runtime, self.cloudwatch):
            client.close()


def blue_green(kind, *, wait=100, percent=None):
    """A BlueGreenUpdatePolicy."""
    routing = {"Type": kind, "WaitIntervalInSeconds": wait}
    if percent is not None:
        key = "CanarySize" if kind == "CANARY" else "LinearStepSize"
        routing[key] = {"Type": "CAPACITY_PERCENT", "Value": percent}
    return {"TrafficRoutingConfiguration": routing}


def variant(model, **more):
    """A ProductionVariant."""
    return {
        "VariantName": "AllTraffic",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        **more,
    }
