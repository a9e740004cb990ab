import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue

import pytest

from pipelines import steps
from tests.crashes import bank
from tests.crashes.chains import Place
from tests.crashes.effects import choose_gaps
from tests.crashes.processes import start_parent
from tests.infra.embedded_server import EmbeddedServer

PLACES = min(2, os.cpu_count() or 1)
Places = list[Place]
# With its last effect it is done, and asked again it goes back once more, as it should.
ASKED_TWICE = {"rollback"}


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """Two homes, each with an AWS of its own, in which the bank has delivered."""
    start_parent()
    with ExitStack() as stack:
        shared = tmp_path_factory.mktemp("bank")
        bank.deliver(shared)
        spec = bank.write_spec(shared)
        made = []
        for number in range(PLACES):
            folder = tmp_path_factory.mktemp(f"place{number}")
            server = EmbeddedServer(folder / "sagemaker")
            stack.callback(server.close)
            server.start()
            made.append(Place(folder, spec, server.environment))
        for_each(made, _open_bank)
        yield made


@pytest.fixture(scope="session")
def nights(places: Places) -> Places:
    """The same with a night behind them that nothing disturbed."""
    for_each(places, lambda place: place.walk_night(str(place.spec)))
    return places


@pytest.fixture(scope="session")
def promotions(nights: Places) -> Places:
    """The same with two versions that were approved and deployed, and the way back."""
    for_each(nights, _promote)
    return nights


def _promote(place: Place) -> None:
    spec = str(place.spec)
    place.walk("approve", steps.approve, spec, "1", "good")
    place.walk("create", steps.deploy, spec)
    other = f"{spec}?training.seed=2&training.trials=1"
    place.walk_night(other, prefix="second ")
    place.must(steps.approve, spec, "2", "good", "no better one was looked for")
    place.walk("update", steps.deploy, spec)
    place.walk("rollback", steps.rollback, spec, "it was not good")


def _open_bank(place: Place) -> None:
    # MLflow makes its tables when it is first asked; that is an installation's, not a night's.
    place.must(steps.reconcile, str(place.spec))


def for_each(places: Places, work: Callable[[Place], object]) -> None:
    """Do something in every place at once."""
    with ThreadPoolExecutor(len(places)) as threads:
        list(threads.map(work, places))


def problems_everywhere(places: Places, name: str) -> list[str]:
    """Kill a step in every gap between two kinds of effects, and gather what differs after all."""
    kinds = places[0].links[name].kinds
    # Files of several days are written at once, in no fixed order.
    assert all(sorted(place.links[name].kinds) == sorted(kinds) for place in places)
    gaps: SimpleQueue[int] = SimpleQueue()
    for gap in choose_gaps(kinds):
        if name not in ASKED_TWICE or gap < len(kinds) - 1:
            gaps.put(gap)
    found: list[str] = []

    def take(place: Place) -> None:
        while not gaps.empty():
            found.extend(place.problems_of(name, kill_at=gaps.get()))

    for_each(places, take)
    return found
