"""The registry's alias `approved` as an Airflow asset: moving it starts `<spec>_deploy`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.sdk import Asset, AssetWatcher
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

POLL_SECONDS = 10.0
SEEN = "seen"


class ApprovalTrigger(BaseEventTrigger):
    """Trigger that fires when the alias `approved` of a spec moves to another version.

    Airflow stores the last version seen, so a move made while no triggerer ran fires when one
    runs again. A move that is undone between two looks is not seen; the deploy run compares
    aliases and decisions anyway.

    Args:
        spec: name of the spec.
        seconds: between two looks.
    """

    def __init__(self, spec: str, seconds: float = POLL_SECONDS) -> None:
        super().__init__()
        self.spec, self.seconds = spec, seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and arguments from which the triggerer rebuilds this trigger."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "spec": self.spec,
            "seconds": self.seconds,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll the alias and yield an event for each move, until the triggerer stops."""
        seen = await self._seen()
        while True:
            found = await asyncio.to_thread(self._read_alias)
            if seen is None and found and await asyncio.to_thread(self._serves, found):
                # Deployed before anything watched, such as by the demo: there is nothing to start.
                await self._store(found)
                seen = found
            if found is not None and found != seen:
                # An alias that was removed and set on the same version again fires again.
                if found:
                    # Stored after the event: two events do no harm, a lost one does.
                    yield TriggerEvent({"spec": self.spec, "approved": found, "before": seen})
                await self._store(found)
                seen = found
            await asyncio.sleep(self.seconds)

    def _read_alias(self) -> str | None:
        """Return the approved version, "" without one, None where MLflow does not answer."""
        from pipelines.review import find_approved

        try:
            approved = find_approved(self.spec)
            return "" if approved is None else str(approved)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the next poll tries again
            self.log.warning("The registry was not read: %s", error)
            return None

    def _serves(self, found: str) -> bool:
        """Return True if the decision log says that a version serves; False where unread."""
        from pipelines.review import find_serving

        try:
            return str(find_serving(self.spec)) == found
        except Exception as error:  # noqa: BLE001 -- then the event fires, and the run decides
            self.log.warning("The decision log was not read: %s", error)
            return False

    async def _seen(self) -> str | None:
        stored = None if self.asset_state_store is None else await self.asset_state_store.aget(SEEN)
        return None if stored is None else str(stored)

    async def _store(self, found: str) -> None:
        if self.asset_state_store is not None:
            await self.asset_state_store.aset(SEEN, found)


def approval_asset(spec: str) -> Asset:
    """Return the asset of an approved version, with the watcher of the alias."""
    watcher = AssetWatcher(name=f"{spec}_approved", trigger=ApprovalTrigger(spec))
    return Asset(name=f"{spec}_approved", uri=f"overnight://approved/{spec}", watchers=[watcher])


def candidate_asset(spec: str) -> Asset:
    """Return the asset that the nightly run of a spec makes: a registered candidate."""
    return Asset(name=f"{spec}_candidate", uri=f"overnight://candidate/{spec}")
