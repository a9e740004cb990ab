"""Replay: rows sent to an endpoint repeatedly, with each model's answers and times."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from expectations.contract import OvernightError
from infra.sagemaker.runtime.invocation import Instance, Prediction, ask

MAX_ERRORS = 20


@dataclass(slots=True)
class Replay:
    """The result of a replay.

    Attributes:
        answers: digest of a model to row number to its answer.
        milliseconds: of each answered request, as the client sees it, in order.
        errors: the first requests that failed.
        failed: how many did.
    """

    answers: dict[str, dict[int, Prediction]] = field(default_factory=dict)
    milliseconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    failed: int = 0

    def send(self, endpoint: str, number: int, row: Instance) -> None:
        """Ask about one row; a failure is kept, not raised."""
        began = time.perf_counter()
        try:
            reply = ask(endpoint, [row], inference_id=f"row-{number}")
        except OvernightError as error:
            self.failed += 1
            if len(self.errors) < MAX_ERRORS:
                self.errors.append(str(error))
            return
        self.milliseconds.append(1000 * (time.perf_counter() - began))
        self.answers.setdefault(reply.digest, {})[number] = reply.predictions[0]


def replay_once(endpoint: str, rows: list[Instance]) -> Replay:
    """Send every row once."""
    replay = Replay()
    for number, row in enumerate(rows):
        replay.send(endpoint, number, row)
    return replay


@contextlib.contextmanager
def replaying(endpoint: str, rows: list[Instance]) -> Iterator[Replay]:
    """Send the rows without a pause from another thread, for as long as the block lasts."""
    replay, over = Replay(), threading.Event()

    def send_on() -> None:
        while not over.is_set():
            for number, row in enumerate(rows):
                if over.is_set():
                    return
                replay.send(endpoint, number, row)

    thread = threading.Thread(target=send_on, name="replay")
    thread.start()
    try:
        yield replay
    finally:
        over.set()
        thread.join()
