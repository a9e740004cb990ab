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
    longest = MAX_NAME_LENGTH - DIGEST_LENGTH - 1
    if not re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*", name) or len(name) > longest:
        raise InputError(
            f"{spec!r} cannot name an endpoint: SageMaker takes letters, digits and inner "
            f"hyphens, here at most {longest}. Rename the spec."
        )
    return name


def name_deployment(spec: str, *, digest: str, url: str, policy: EndpointPolicy) -> Names:
    """Names for a bundle behind the endpoint of a spec.

    Args:
        spec: the spec's name.
        digest: the bundle's digest.
        url: where its artefact is.
        policy: what goes into model and config besides.
    """
    endpoint = endpoint_name(spec)
    content = {
        "digest": digest,
        "url": url,
        "image": policy.image,
        "role_arn": policy.role_arn,
        "instance_type": policy.instance_type,
        "instance_count": policy.instance_count,
    }
    return Names(
        endpoint=endpoint,
        model=f"{endpoint}-{_shorten(content, 'digest', 'url', 'image', 'role_arn')}",
        config=f"{endpoint}-{_shorten(content, *content)}",
    )


def _shorten(content: dict[str, object], *keys: str) -> str:
    text = json.dumps({key: content[key] for key in keys}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
