"""A training file changed under its old name: every step that reads or vouches for it says so."""

from collections.abc import Callable
from pathlib import Path

import pytest

import tests.quiet  # noqa: F401 -- for its effect
from expectations.contract import OvernightError
from pipelines import steps
from pipelines.config.references import TableVersion
from pipelines.config.spec import load_spec
from pipelines.modelling.inputs import study_of
from tests.pipelines.forgery import rewrite_in_place, tenfold
from tests.pipelines.nights import AS_OF, QUIET, Night, installed

pytestmark = QUIET
SMALL = {"training__trials": 1, "training__lightgbm__members": 1}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    """A night, and a candidate of it, before its training set is changed."""
    with installed(tmp_path_factory.mktemp("night")) as night:
        run = night.candidate(**SMALL)
        path = Path(night.lake.files(TableVersion.parse(night.training_set))[20])
        content = path.read_bytes()
        rewrite_in_place(path, tenfold)
        yield night, run, path
        path.write_bytes(content)


def train_again(night: Night) -> str:
    """Another model of the same study."""
    study = study_of(load_spec(night.reference(**SMALL)), TableVersion.parse(night.training_set))
    reference = night.reference(**SMALL, training__seed=8)
    return steps.train(reference, AS_OF, night.training_set, str(study))


STEPS: dict[str, Callable[[Night, str], str]] = {
    "tune": lambda night, _: steps.tune(night.reference(**SMALL), AS_OF, night.training_set),
    "train": lambda night, _: train_again(night),
    "evaluate": lambda night, run: steps.evaluate(
        night.reference(**SMALL), AS_OF, night.training_set, run
    ),
    "register": lambda night, run: steps.register(night.reference(**SMALL), AS_OF, run),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_stops_and_names_the_file(made: tuple[Night, str, Path], name: str) -> None:
    night, run, path = made
    with pytest.raises(OvernightError) as caught:
        STEPS[name](night, run)
    text = str(caught.value)
    assert f"training_sets@v1: event_day=2025-01-21/{path.name} was changed" in text
    assert '"overnight build-training-set cards --as-of AS_OF"' in text
