"""Runs that look like those of `train`: only what it made and recorded is taken."""

import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pytest

from expectations.contract import InputError, OvernightError
from pipelines import steps
from pipelines.config.installation.settings import load_settings
from pipelines.lake.tables import Lake
from pipelines.modelling.trained_models import TRAINED, TrainedModel, TrainedModels
from tests.pipelines.nights import AS_OF, QUIET, Night

pytestmark = QUIET

SMALL = {"training__trials": 1, "training__lightgbm__members": 1}


@dataclass(frozen=True, slots=True)
class Made:
    """A run of `train`, what it is made from, and its tags."""

    reference: str
    run: str
    study: str
    tags: dict[str, str]


@pytest.fixture
def train(night: Night) -> Callable[[int], Made]:
    def make(seed: int) -> Made:
        reference = night.reference(training__seed=seed, **SMALL)
        study = steps.tune(reference, AS_OF, night.training_set)
        run = steps.train(reference, AS_OF, night.training_set, study, "rita (Airflow)")[6:]
        return Made(reference, run, study, night.registry.runs.tags(run))

    return make


def again(night: Night, made: Made) -> str:
    return steps.train(made.reference, AS_OF, night.training_set, made.study)[6:]


def plant(night: Night, made: Made, folder: Path, **changes: str) -> str:
    """A newer run with the tags of a real one and its bundle, one number of it changed."""
    client = mlflow.MlflowClient()
    experiment = client.get_run(made.run).info.experiment_id
    bundle = night.registry.runs.fetch_bundle(made.run, target=folder)
    text = (bundle / "model.txt").read_text()
    (bundle / "model.txt").write_text(text.replace("shrinkage=", "shrinkage =", 1))
    tags = {key: value for key, value in made.tags.items() if key.startswith("overnight.")}
    planted = client.create_run(experiment, tags=tags | changes).info.run_id
    client.log_artifacts(planted, str(bundle), "bundle")
    return str(planted)


def test_a_planted_run_is_passed_over_and_the_real_one_kept(
    night: Night, train, tmp_path: Path
) -> None:
    made = train(21)
    planted = plant(night, made, tmp_path, **{"overnight.author": "schedule"})
    assert night.registry.runs.latest_model() == planted
    assert again(night, made) == made.run
    for step in (
        lambda run: steps.evaluate(made.reference, AS_OF, night.training_set, run),
        lambda run: steps.register(made.reference, AS_OF, run),
    ):
        with pytest.raises(InputError, match=f"made the model of runs:/{planted}, so it is not"):
            step(f"runs:/{planted}")


def test_without_the_real_one_a_new_run_is_made(night: Night, train, tmp_path: Path) -> None:
    made = train(22)
    planted = plant(night, made, tmp_path)
    mlflow.MlflowClient().delete_run(made.run)
    new = again(night, made)
    assert new not in {made.run, planted}
    digest = night.registry.runs.tags(new)["overnight.bundle_digest"]
    assert digest == made.tags["overnight.bundle_digest"]  # the same inputs give the same model
    assert again(night, made) == new


@pytest.mark.parametrize("change", ["bundle", "digest"])
def test_a_run_that_was_changed_since_is_not_taken_again(night: Night, train, change: str) -> None:
    made = train(23 if change == "bundle" else 24)
    if change == "bundle":
        place = mlflow.get_run(made.run).info.artifact_uri.removeprefix("file://")
        model = Path(place) / "bundle/model.txt"
        model.write_text(model.read_text().replace("shrinkage=", "shrinkage =", 1))
        with pytest.raises(OvernightError, match="changed"):
            steps.evaluate(made.reference, AS_OF, night.training_set, f"runs:/{made.run}")
    else:
        mlflow.MlflowClient().set_tag(made.run, "overnight.bundle_digest", "0" * 64)
        steps.evaluate(made.reference, AS_OF, night.training_set, f"runs:/{made.run}")
        with pytest.raises(OvernightError, match="names the bundle 000000000000, and train"):
            steps.register(made.reference, AS_OF, f"runs:/{made.run}")
    assert again(night, made) != made.run


def test_the_author_of_a_version_is_the_one_that_training_recorded(night: Night, train) -> None:
    made = train(25)
    steps.evaluate(made.reference, AS_OF, night.training_set, f"runs:/{made.run}")
    mlflow.MlflowClient().set_tag(made.run, "overnight.author", "schedule")
    version = night.registry.get(steps.register(made.reference, AS_OF, f"runs:/{made.run}"))
    assert version.tags["overnight.author"] == "rita (Airflow)"


def test_a_run_cut_off_before_its_model_is_gone_on_with(
    night: Night, train, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut(BaseException):
        """Stands for a kill: nothing catches it."""

    def cut(*_: object, **__: object) -> None:
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(type(night.registry.runs), "log_model", cut)
        with pytest.raises(Cut):
            train(26)
    begun = night.registry.runs.latest_model()
    made = train(26)
    assert made.run == begun
    lake = Lake(load_settings().lake, spec="cards")
    at = lake.latest(TRAINED)
    assert at is not None
    assert lake.read(at)["run"].to_pylist().count(made.run) == 1


def test_records_of_models_are_kept_in_order_and_once_each(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path), spec="cards")
    models = TrainedModels(lake)
    assert models.find("i") == []
    first, second = (TrainedModel(run, "i", "d" * 64, "schedule") for run in ("r1", "r2"))
    for each in (first, second, second):
        models.record(each)
    anew = TrainedModel("r1", "i", "e" * 64, "schedule")
    models.record(anew)
    models.record(anew)
    models.record(TrainedModel("r3", "other", "f" * 64, "schedule"))
    assert models.find("i") == [second, anew]
    assert models.get("r1") == anew
    with pytest.raises(InputError, match="no record that train made the model of runs:/r9"):
        models.get("r9")
    at = lake.latest(TRAINED)
    assert at is not None
    assert lake.row_count(at) == 4


def test_who_acts_is_the_user_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.config.installation.actors import os_actor

    own = pwd.getpwuid(os.getuid()).pw_name
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody")
    assert str(os_actor()) == f"{own} (operating system)"
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert str(os_actor()) == "54321 (operating system)"
