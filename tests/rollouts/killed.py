"""Runs a deployment in this process and kills it at one call: `python -m tests.rollouts.killed`.

Arguments: the spec reference, the operation of AWS (or `promotion` and `alias`, of our own), and
`before` or `after`.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any


def kill_at(owner: type, method: str, *, when: str, concerns: Callable[..., bool]) -> None:
    """Make a method end this process by SIGKILL, before or after its work."""
    held = getattr(owner, method)

    def deadly(*given: Any, **named: Any) -> Any:
        is_it = concerns(*given, **named)
        if is_it and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = held(*given, **named)
        if is_it:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(owner, method, deadly)


def main(reference: str, operation: str, when: str) -> None:
    from botocore.client import BaseClient

    from pipelines import steps
    from pipelines.governance.decision_store import DecisionStore
    from pipelines.tracking.registry import CHAMPION, Registry

    if operation == "promotion":
        kill_at(DecisionStore, "record", when=when, concerns=lambda *_: True)
    elif operation == "alias":
        kill_at(Registry, "set_alias", when=when, concerns=lambda _, alias, *__: alias == CHAMPION)
    else:
        kill_at(
            BaseClient, "_make_api_call", when=when,
            concerns=lambda _, called, *__: called == operation,
        )  # fmt: skip
    steps.deploy(reference)


if __name__ == "__main__":
    main(*sys.argv[1:])
