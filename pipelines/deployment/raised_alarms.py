"""The alarms that rang in a rehearsal, and why each did or did not turn the rollout back."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rung:
    """Observations of the alarms.

    Attributes:
        names: of those that rang at any moment.
        during: those of them that rang before the rollout had ended.
        watching: alarms that may turn the rollout back: of the endpoint and of the new model.
        is_promoted: the new version serves.
        is_first: nothing served before.
    """

    names: Collection[str]
    during: Collection[str]
    watching: Collection[str]
    is_promoted: bool
    is_first: bool


def describe_alarms(rung: Rung) -> Iterator[str]:
    """One line with all of them, and one for each."""
    yield ", ".join(sorted(rung.names)) or "none rang"
    for name in sorted(rung.names):
        yield f"{name}: {_explain(name, rung)}"


def _explain(name: str, rung: Rung) -> str:
    if name not in rung.watching:
        return "watches the model that served before, so it turns back no rollout of this version"
    if not rung.is_promoted:
        return "watches this rollout, which did not go through"
    if rung.is_first:
        return "turned nothing back, as nothing served before this version"
    if name not in rung.during:
        return "rang when the rollout had ended, and then an alarm turns nothing back"
    return (
        "rang while the rollout went on, but in none of its bakes: a longer bake_seconds may turn "
        "it back"
    )
