"""The description of a night fits the steps, and what is made from it follows it."""

import inspect
from collections.abc import Callable

import pytest

from pipelines import steps
from pipelines.backtesting.night import DATA, MODEL, BacktestSteps
from pipelines.steps.chain import run_nightly

NIGHT = (*steps.OPENING, *steps.NIGHTLY)
# What the chain is given from outside; all else is an output of a step.
GIVEN = {"asked_spec", "registered_spec", "form", "as_of", "since", "until", "author", "ask"}


def test_a_night_is_these_steps_in_this_order() -> None:
    assert [link.name for link in NIGHT] == [
        "configure", "reconcile", "ingest", "validate", "build_features", "build_training_set",
        "tune", "train", "evaluate", "register",
    ]  # fmt: skip


@pytest.mark.parametrize("link", steps.NIGHTLY, ids=lambda link: link.name)
def test_the_inputs_of_a_link_are_the_parameters_of_its_step(link) -> None:
    taken = inspect.signature(link.step).parameters
    assert list(link.inputs) == list(taken)[: len(link.inputs)]
    left = list(taken.values())[len(link.inputs) :]
    assert all(each.default is not inspect.Parameter.empty for each in left)


def test_every_input_is_given_or_made_before_and_every_output_is_read_but_the_last() -> None:
    known, read = set(GIVEN), set()
    for link in NIGHT:
        assert set(link.inputs) <= known, link.name
        read |= set(link.inputs)
        known.add(link.output)
    assert known - read == {"approved", "version"}
    assert read >= GIVEN


def test_arguments_are_in_the_order_of_the_step() -> None:
    train = next(link for link in steps.NIGHTLY if link.name == "train")
    known = dict.fromkeys(("run", "snapshot"), "other") | {
        "author": "e", "study": "d", "training_set": "c", "as_of": "b", "spec": "a",
    }  # fmt: skip
    assert train.arguments(known) == ["a", "b", "c", "d", "e"]


def test_a_run_in_this_process_calls_them_with_what_came_before(
    monkeypatch: pytest.MonkeyPatch, home: object
) -> None:
    del home
    called: dict[str, tuple[str, ...]] = {}

    def stand_in(name: str) -> Callable[..., str]:
        def step(*given: str) -> str:
            called[name] = given
            return f"<{name}>"

        step.__name__ = name
        return step

    for chain in ("OPENING", "NIGHTLY"):
        links = getattr(steps, chain)
        made = tuple(steps.ChainStep(stand_in(x.name), x.inputs, x.output) for x in links)
        monkeypatch.setattr(steps, chain, made)
    lines = list(run_nightly("demo?training.trials=2", "2025-04-01", ask="no"))
    spec, at = "<configure>", "2025-04-01"
    assert called == {
        "configure": ("demo?training.trials=2", ""),
        "reconcile": ("demo",),
        "ingest": (spec, at),
        "validate": (spec, at, "<ingest>"),
        "build_features": (spec, at, "<validate>", "", ""),
        "build_training_set": (spec, at, "<validate>", "<build_features>"),
        "tune": (spec, at, "<build_training_set>"),
        "train": (spec, at, "<build_training_set>", "<tune>", ""),
        "evaluate": (spec, at, "<build_training_set>", "<train>"),
        "register": (spec, at, "<evaluate>", "no"),
    }
    assert [line.split()[:2] for line in lines] == [[n, f"<{n}>"] for n in list(called)[1:]]


def test_a_backtest_does_the_steps_from_the_checks_to_the_evaluation() -> None:
    between = [link for link in steps.NIGHTLY if link.name not in {"ingest", "register"}]
    assert [*DATA, *MODEL] == between
    for link in between:
        own = inspect.signature(getattr(BacktestSteps, link.name)).parameters
        assert list(own)[1:] == list(link.inputs)
