"""The machines that SageMaker has, as the installed botocore knows them."""

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from importlib.metadata import version


@cache
def list_instance_types() -> Sequence[str]:
    """Return every instance type that a variant of an endpoint may run on."""
    from botocore.loaders import Loader

    model = Loader().load_service_model("sagemaker", "service-2")
    return tuple(model["shapes"]["ProductionVariantInstanceType"]["enum"])


def instance_problems(instance_type: str) -> list[str]:
    """Say that there is no such machine, with the nearest that there is.

    >>> instance_problems("ml.m5.large")
    []
    """
    known = list_instance_types()
    if instance_type in known:
        return []
    near = get_close_matches(instance_type, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "give one such as 'ml.m5.large'"
    return [
        f"endpoint.instance_type: SageMaker has no {instance_type!r} "
        f"(of the {len(known)} that botocore {version('botocore')} lists); {hint}"
    ]
