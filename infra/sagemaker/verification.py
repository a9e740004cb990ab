"""Proves that an endpoint serves a bundle: its golden vectors score there as in training."""

from infra.sagemaker.invocation import Instance, ask
from infra.serving.bundle import Bundle

BATCH = 100
INFERENCE_ID = "overnight-golden-vectors"


def find_differences(bundle: Bundle, *, endpoint: str) -> list[str]:
    """What the live endpoint answers otherwise than the bundle says; scores must be bit-equal.

    Args:
        bundle: the manifest, with its digest and golden vectors.
        endpoint: the spec's name.
    """
    found: list[str] = []
    for start in range(0, len(bundle.golden), BATCH):
        batch = bundle.golden[start : start + BATCH]
        instances: list[Instance] = [
            {feature.name: vector.features.get(feature.name) for feature in bundle.features}
            for vector in batch
        ]
        reply = ask(endpoint, instances, inference_id=INFERENCE_ID)
        if reply.digest != bundle.digest:
            return [f"the model that answers is {reply.digest[:12]}, not {bundle.digest[:12]}"]
        found += [
            f"golden[{start + number}] scores {prediction.score!r}, in training {vector.score!r}"
            for number, (prediction, vector) in enumerate(
                zip(reply.predictions, batch, strict=True)
            )
            if prediction.score != vector.score
        ]
    return found
