"""One or two lines on an endpoint, for `overnight status`; problems are text too.

Through boto3 alone: the 5 s of `import sagemaker` are too long for a glance.
"""

from typing import Any

from infra.sagemaker.artifact import digest_in
from infra.sagemaker.connection import is_absent, open_session
from infra.sagemaker.names import DIGEST_LENGTH, endpoint_name

GLANCE_SECONDS = 2


def describe_endpoint(name: str) -> str:
    """Status, config, model and traffic of the endpoint of a spec.

    Args:
        name: the spec's name.
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    glance = Config(connect_timeout=GLANCE_SECONDS, retries={"total_max_attempts": 1})
    endpoint = endpoint_name(name)
    address = ""
    try:
        client = open_session().client("sagemaker", config=glance)
        address = client.meta.endpoint_url
        return _describe(client, endpoint)
    except ClientError as error:
        return f"no endpoint {endpoint}" if is_absent(error) else f"{endpoint}: {error}"
    except BotoCoreError as error:
        return f"not reachable at {address}" if address else f"not known: {error}"


def _describe(client: Any, endpoint: str) -> str:
    found = client.describe_endpoint(EndpointName=endpoint)
    running = [*found.get("ProductionVariants", []), *found.get("ShadowProductionVariants", [])]
    variants = ", ".join(f"{v['VariantName']} {v['CurrentInstanceCount']} x" for v in running)
    config = found.get("EndpointConfigName", "-")
    lines = [f"{endpoint} {found['EndpointStatus']}: {config}, model {_digest(client, config)}"]
    if variants:
        lines[0] += f", {variants}"
    lines[0] += f", since {found['LastModifiedTime']:%F %T}"
    if found.get("PendingDeploymentSummary"):
        lines.append(f"moving to {found['PendingDeploymentSummary']['EndpointConfigName']}")
    if found.get("FailureReason"):
        lines.append(str(found["FailureReason"]))
    return "\n".join(lines)


def _digest(client: Any, config: str) -> str:
    variant = client.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]
    model = client.describe_model(ModelName=variant["ModelName"])
    return digest_in(model["PrimaryContainer"]["ModelDataUrl"])[:DIGEST_LENGTH]
