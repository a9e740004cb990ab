"""Names of endpoints, models and configs, made from what they hold.

A name made from content makes a deployment repeatable: the same bundle and policy give the same
names, so what exists already is what is wanted, or an error.
"""

import hashlib
import json
import re
from dataclasses import dataclass

from expectations.contract import InputError
from infra.sagemaker.policy import EndpointPolicy

# The guardrails of SageMaker need one variant name in the old and the new config.
VARIANT = "AllTraffic"

DIGEST_LENGTH = 12
PLACE_LENGTH = 6
MAX_NAME_LENGTH = 63


@dataclass(frozen=True, slots=True)
class Names:
    """What one deployment is called."""

    endpoint: str
    model: str
    config: str


def endpoint_name(spec: str) -> str:
    """The endpoint of a spec; SageMaker knows no underscore.

    Raises:
        InputError: when SageMaker would refuse the name.

    >>> endpoint_name("ieee_cis")
    'ieee-cis'
    """
    name = spec.replace("_", "-")
    longest = MAX_NAME_LENGTH - DIGEST_LENGTH - PLACE_LENGTH - 2
    if not re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*", name) or len(name) > longest:
        raise InputError(
            f"{spec!r} cannot name an endpoint: SageMaker takes letters, digits and inner "
            f"hyphens, here at most {longest} of them. Rename the spec."
        )
    return name


def name_deployment(spec: str, *, digest: str, url: str, policy: EndpointPolicy) -> Names:
    """Names for a bundle behind the endpoint of a spec.

    The model's name holds the bundle's digest and a short one of image, role and address: the
    same bundle in another image is another model.

    Args:
        spec: the spec's name.
        digest: the bundle's digest.
        url: where its artefact is.
        policy: what goes into model and config besides.
    """
    endpoint = endpoint_name(spec)
    place = _digest([url, policy.image, policy.role_arn])[:PLACE_LENGTH]
    model = f"{endpoint}-{digest[:DIGEST_LENGTH]}-{place}"
    config = _digest([digest, model, policy.instance_type, policy.instance_count])
    return Names(endpoint, model, f"{endpoint}-{config[:DIGEST_LENGTH]}")


def _digest(content: list[str | int]) -> str:
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()
