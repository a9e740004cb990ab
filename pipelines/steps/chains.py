"""The chains as data: the steps of a night, a deployment and a review, with their inputs.

The DAG of a night, `overnight run` and the backtest of a night are made from `OPENING` and
`NIGHTLY`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pipelines.steps import endpoint, nightly

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ChainStep:
    """A step as a link of a chain.

    Attributes:
        step: the function.
        inputs: names of its arguments, in its order: given to the chain, or outputs of steps
            before it.
        output: name of what it returns, for the steps behind it.
    """

    step: Callable[..., str]
    inputs: tuple[str, ...]
    output: str

    @property
    def name(self) -> str:
        """Name of the step, which is also that of its task."""
        return self.step.__name__

    def arguments(self, known: Mapping[str, T]) -> list[T]:
        """Select the step's arguments from the values known before it."""
        return [known[name] for name in self.inputs]


# What a night begins with: its form, and what happened since the last one. The form may change the
# spec for one run; what is decided goes by the spec as it stands.
OPENING = (
    ChainStep(nightly.configure, ("asked_spec", "form"), "spec"),
    ChainStep(nightly.reconcile, ("registered_spec",), "approved"),
)
NIGHTLY = (
    ChainStep(nightly.ingest, ("spec", "as_of"), "snapshot"),
    ChainStep(nightly.validate, ("spec", "as_of", "snapshot"), "snapshot"),
    ChainStep(nightly.build_features, ("spec", "as_of", "snapshot", "since", "until"), "features"),
    ChainStep(
        nightly.build_training_set, ("spec", "as_of", "snapshot", "features"), "training_set"
    ),
    ChainStep(nightly.tune, ("spec", "as_of", "training_set"), "study"),
    ChainStep(nightly.train, ("spec", "as_of", "training_set", "study", "author"), "run"),
    ChainStep(nightly.evaluate, ("spec", "as_of", "training_set", "run"), "run"),
    ChainStep(nightly.register, ("spec", "as_of", "run", "ask"), "version"),
)

DEPLOY: tuple[Callable[..., str], ...] = (
    nightly.reconcile, endpoint.plan, endpoint.roll_out, endpoint.verify, endpoint.finalise,
)  # fmt: skip
REVIEW: tuple[Callable[..., str], ...] = (nightly.candidate, nightly.review, nightly.answer)
BY_HAND: tuple[Callable[..., str], ...] = (
    nightly.review, nightly.approve, nightly.reject, nightly.decisions, endpoint.deploy,
    endpoint.rollback, endpoint.rehearse, endpoint.shadow, endpoint.split, endpoint.end,
    endpoint.disagreements, endpoint.score, endpoint.score_batch, nightly.status,
    nightly.check_lake,
)  # fmt: skip
EVERY_STEP: tuple[Callable[..., str], ...] = tuple(
    dict.fromkeys((*(link.step for link in (*OPENING, *NIGHTLY)), *DEPLOY, *REVIEW, *BY_HAND))
)
