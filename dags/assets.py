"""The registry's alias `approved` as an Airflow asset: moving it starts `<spec>_deploy`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.sdk import Asset, AssetWatcher
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

POLL_SECONDS = 10.0
SEEN = "seen"


class ApprovalTrigger(BaseEventTrigger):
    """Tells when the alias `approved` of a spec points at another version than last seen.

    What was seen last is kept by Airflow, so a move made while nothing was watching is told once
    it does again. A move that is undone between two looks is not seen; the deploy run compares
    aliases and decisions anyway.

    Args:
        spec: name of the spec.
        seconds: between two looks.
    """

    def __init__(self, spec: str, seconds: float = POLL_SECONDS) -> None:
        super().__init__()
        self.spec, self.seconds = spec, seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What the triggerer makes this trigger from."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "spec": self.spec,
            "seconds": self.seconds,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, and tell, until the triggerer stops."""
        seen = await self._seen()
        while True:
            found = await asyncio.to_thread(self._look)
            if seen is None and found and await asyncio.to_thread(self._serves, found):
                # Deployed before anything watched, such as by the demo: there is nothing to start.
                await self._keep(found)
                seen = found
            if found is not None and found != seen:
                # An alias that was taken back, and is set on the same version again, is told again.
                if found:
                    # Kept after it is told: told twice does no harm, never told does.
                    yield TriggerEvent({"spec": self.spec, "approved": found, "before": seen})
                await self._keep(found)
                seen = found
            await asyncio.sleep(self.seconds)

    def _look(self) -> str | None:
        """The approved version; empty where there is none; None where MLflow does not answer."""
        from pipelines.review import find_approved

        try:
            return find_approved(self.spec) or ""
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is looked at again
            self.log.warning("The registry was not read: %s", error)
            return None

    def _serves(self, found: str) -> bool:
        """Return True if the decision chain says that a version serves; False where unread."""
        from pipelines.review import find_serving

        try:
            return find_serving(self.spec) == found
        except Exception as error:  # noqa: BLE001 -- then it is told of, and the run finds out
            self.log.warning("The decision chain was not read: %s", error)
            return False

    async def _seen(self) -> str | None:
        held = None if self.asset_state_store is None else await self.asset_state_store.aget(SEEN)
        return None if held is None else str(held)

    async def _keep(self, found: str) -> None:
        if self.asset_state_store is not None:
            await self.asset_state_store.aset(SEEN, found)


def approval_asset(spec: str) -> Asset:
    """What a reviewer makes of it: an approved version. Watched."""
    watcher = AssetWatcher(name=f"{spec}_approved", trigger=ApprovalTrigger(spec))
    return Asset(name=f"{spec}_approved", uri=f"overnight://approved/{spec}", watchers=[watcher])


def candidate_asset(spec: str) -> Asset:
    """What the nightly run of a spec makes: a registered candidate."""
    return Asset(name=f"{spec}_candidate", uri=f"overnight://candidate/{spec}")
