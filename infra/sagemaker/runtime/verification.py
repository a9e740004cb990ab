"""Proves that an endpoint serves a bundle: its golden vectors score there as in training."""

from infra.sagemaker.runtime.invocation import Instance, ask
from infra.serving.model import Bundle

BATCH = 100
INFERENCE_ID = "overnight-golden-vectors"


def find_differences(bundle: Bundle, *, endpoint: str, variant: str | None) -> list[str]:
    """Compare the endpoint's answers to the golden vectors with the bundle's, bit for bit.

    Args:
        bundle: the manifest, with its digest and golden vectors.
        endpoint: the spec's name.
        variant: the variant to compare; None where there is one.
    """
    found: list[str] = []
    for start in range(0, len(bundle.golden), BATCH):
        batch = bundle.golden[start : start + BATCH]
        instances: list[Instance] = [
            {feature.name: vector.features.get(feature.name) for feature in bundle.features}
            for vector in batch
        ]
        reply = ask(endpoint, instances, inference_id=INFERENCE_ID, variant=variant, reasons="none")
        if reply.digest != bundle.digest:
            return [f"the model that answers is {reply.digest[:12]}, not {bundle.digest[:12]}"]
        for number, (prediction, vector) in enumerate(zip(reply.predictions, batch, strict=True)):
            live = prediction.score, prediction.probability
            then = vector.score, vector.probability
            if live != then:
                found.append(f"golden[{start + number}] scores {live!r}, in training {then!r}")
    return found
