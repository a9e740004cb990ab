"""The alarms that were raised in a rehearsal, and why each did or did not abort the rollout."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RaisedAlarms:
    """Observations of the alarms.

    Attributes:
        names: of the alarms that were in ALARM at any moment.
        during: those of them that were in ALARM before the rollout had ended.
        watching: alarms that may abort the rollout: of the endpoint and of the new model.
        is_promoted: True if the new version serves.
        is_first: True if nothing served before.
    """

    names: Collection[str]
    during: Collection[str]
    watching: Collection[str]
    is_promoted: bool
    is_first: bool


def describe_alarms(raised: RaisedAlarms) -> Iterator[str]:
    """Describe the alarms: one line with all of them, and one for each."""
    yield ", ".join(sorted(raised.names)) or "none raised"
    for name in sorted(raised.names):
        yield f"{name}: {_explain(name, raised)}"


def _explain(name: str, raised: RaisedAlarms) -> str:
    if name not in raised.watching:
        return "watches the model that served before, so it aborts no rollout of this version"
    if not raised.is_promoted:
        return "watches this rollout, which did not succeed"
    if raised.is_first:
        return "aborted nothing, as nothing served before this version"
    if name not in raised.during:
        return "was raised after the rollout had ended, when an alarm aborts nothing"
    return (
        "was raised during the rollout, but in none of its bakes: a longer bake_seconds may "
        "abort it"
    )
