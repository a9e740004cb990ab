"""Names of endpoints, models and configs, made from what they hold.

A name made from content makes a deployment repeatable: the same bundle and policy give the same
names, so what exists already is what is wanted, or an error.
"""

import re

from expectations.contract import InputError, digest_of

# The guardrails of SageMaker need one variant name in the old and the new config.
VARIANT = "AllTraffic"
# The second variant of an A/B test, and the shadow.
CANDIDATE = "Candidate"
SHADOW = "Shadow"

DIGEST_LENGTH = 12
PLACE_LENGTH = 6
MAX_NAME_LENGTH = 63


def endpoint_name(spec: str) -> str:
    """Return the endpoint's name for a spec, with hyphens: SageMaker takes no underscore.

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


def model_name(endpoint: str, digest: str, *, place: list[str]) -> str:
    """Return the model's name for a bundle, with a short digest of its location and environment.

    Args:
        endpoint: the endpoint's name.
        digest: of the bundle.
        place: its address, image, role and environment: the same bundle with any other is another
            model.
    """
    return f"{endpoint}-{digest[:DIGEST_LENGTH]}-{digest_of(place)[:PLACE_LENGTH]}"


def config_name(endpoint: str, content: object) -> str:
    """Return the name of the endpoint config with a content."""
    return f"{endpoint}-{digest_of(content)[:DIGEST_LENGTH]}"
