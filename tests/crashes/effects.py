"""Counts the side effects of this process as they happen, and ends it by SIGKILL before one.

They are met where they leave the process: files under the home, commits of SQLAlchemy and of Delta,
calls of AWS that write. So there is no list of our functions, and a new effect is met by itself.
"""

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from infra.emulator.protocol.call_log import READING

END = "end"
# Of an id, a time or a digest in a name nothing is kept: a kind is a place in the code.
LEVELS = 4
VOLATILE = re.compile(r"[0-9a-f]{8,}|\d+")


class Effects:
    """The effects of this process, numbered from 0; each is noted before it happens.

    Args:
        log: receives the kind of each, a line each.
        kill_at: the number of the one before which this process ends; None: none.
    """

    def __init__(self, log: Path, *, kill_at: int | None) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._kill_at, self._count, self._lock = kill_at, 0, threading.RLock()

    def note(self, kind: str) -> None:
        """The next thing this process does changes something."""
        with self._lock:
            if self._count == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            self._count += 1
            os.write(self._log, f"{kind}\n".encode())


def watch(effects: Effects, home: Path) -> None:
    """Note every effect of this process from now on; it cannot be undone."""
    _watch_files(effects, f"{home}/")
    _watch_databases(effects)
    _watch_delta(effects)
    _watch_aws(effects)


def _watch_files(effects: Effects, home: str) -> None:
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
    moving = {"os.rename": "rename", "os.remove": "remove", "os.link": "link"}

    def hear(event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = given
            if isinstance(path, str) and path.startswith(home) and flags & writing:
                effects.note(f"write {_place(path, home)}")
        elif event in moving and str(given[0]).startswith(home):
            effects.note(f"{moving[event]} {_place(str(given[0]), home)}")

    sys.addaudithook(hear)


def _place(path: str, home: str) -> str:
    """The folder of a file, as far as our own code names it."""
    parts = Path(path.removeprefix(home)).parent.parts
    known = parts[:1] if parts[:1] == ("scratch",) else parts[:LEVELS]
    return VOLATILE.sub("#", "/".join(known))


def _watch_databases(effects: Effects) -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    changing = re.compile(
        r"\s*(INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE|ALTER TABLE|DROP TABLE)\s+(\S+)", re.I
    )

    @event.listens_for(Engine, "before_cursor_execute")
    def gather(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if found := changing.match(statement):
            what = f"{found[1].split()[0].lower()} {found[2]}"
            connection.info.setdefault("changes", []).append(what)

    @event.listens_for(Engine, "commit")
    def commit(connection: Any) -> None:
        if changes := connection.info.pop("changes", None):
            database = Path(connection.engine.url.database).name
            effects.note(f"commit {database}: {', '.join(dict.fromkeys(changes))}")

    @event.listens_for(Engine, "rollback")
    def forget(connection: Any) -> None:
        connection.info.pop("changes", None)


def _watch_delta(effects: Effects) -> None:
    from deltalake import DeltaTable

    def named(verb: str, held: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*given: Any, **more: Any) -> Any:
            effects.note(f"{verb} a Delta table")
            return held(*given, **more)

        return noted

    created = named("create", DeltaTable.create)
    DeltaTable.create = created  # type: ignore[method-assign]
    committed = named("commit", DeltaTable.create_write_transaction)
    DeltaTable.create_write_transaction = committed  # type: ignore[method-assign]


def _watch_aws(effects: Effects) -> None:
    from botocore.client import BaseClient

    held = BaseClient._make_api_call

    def noted(client: Any, operation: str, request: Any) -> Any:
        if not operation.startswith(READING):
            effects.note(f"aws {operation}")
        return held(client, operation, request)

    BaseClient._make_api_call = noted


def choose_gaps(kinds: Sequence[str]) -> list[int]:
    """Numbers of effects to end before: every pair of kinds, where it comes first and last.

    Args:
        kinds: of an undisturbed run, in order; the end of the step is the last.

    >>> choose_gaps(["part", "part", "part", "commit", "end"])
    [1, 2, 3, 4]
    """
    places: dict[tuple[str, str], list[int]] = {}
    for number in range(1, len(kinds)):
        places.setdefault((kinds[number - 1], kinds[number]), []).append(number)
    return sorted({end for found in places.values() for end in (found[0], found[-1])})
