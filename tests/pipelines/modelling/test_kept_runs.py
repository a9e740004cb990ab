"""Experiments that change nothing of a model: whose run it is, and that the run stays as it is."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import optuna
import pytest

from expectations.contract import InputError
from pipelines import steps
from pipelines.config.installation.settings import load_settings
from tests.pipelines.nights import AS_OF, QUIET, Night

pytestmark = [
    *QUIET,
    # Until Optuna no longer calls heartbeats experimental.
    pytest.mark.filterwarnings("ignore:.*(heartbeat|fail_stale)"),
]

# What makes no other model: how it is searched and fitted beside the draws, and what judges it.
BESIDE = (
    {"training__threads": 1},
    {"training__trials_workers": 2},
    {"training__time_budget": '"1h"'},
    {"gate__margin": 0.9},
    {"training__trials": 2},  # as the spec declares it
)


@pytest.fixture(scope="module")
def nightly(night: Night) -> str:
    """The run of a night of two trials."""
    return night.candidate()


def state(run: str) -> Mapping[str, object]:
    """Everything that MLflow holds of a run, its files by their hashes."""
    import mlflow

    held = mlflow.get_run(run.removeprefix("runs:/"))
    listed = mlflow.artifacts.list_artifacts(run_id=held.info.run_id)
    # The run of a study has no files, and MLflow refuses to download none.
    folder = Path(mlflow.artifacts.download_artifacts(run_id=held.info.run_id) if listed else "/")
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if listed else []
    return {
        "info": dict(held.info),
        "data": held.data.to_dictionary(),
        "files": {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        },
    }


def values(study: str) -> list[float]:
    """Average precision of each trial of a study, in order, by Optuna's own reading.

    A pruned one is worth nothing: its value is of fewer folds.
    """
    held = optuna.load_study(
        study_name=study.removeprefix("studies:/"), storage=load_settings().studies
    )
    return [t.value if t.state.name == "COMPLETE" else 0.0 for t in held.trials]


@pytest.mark.parametrize("overrides", BESIDE, ids=lambda changed: next(iter(changed)))
def test_an_experiment_that_changes_nothing_of_the_model_leaves_the_run_of_the_night(
    night: Night, nightly: str, overrides: dict[str, object]
) -> None:
    before = state(nightly)
    assert night.candidate(**overrides) == nightly
    reference = night.reference(**overrides)
    for ask in ("automatic", "no"):
        assert steps.register(reference, AS_OF, nightly, ask) == nightly
    assert state(nightly) == before
    with pytest.raises(InputError, match=r"changes nothing of the\s+model"):
        steps.register(reference, AS_OF, nightly, "yes")
    assert night.registry.versions() == []


def test_fewer_trials_than_there_are_are_decided_by_the_first(night: Night, nightly: str) -> None:
    study = night.registry.runs.tags(nightly.removeprefix("runs:/"))["overnight.study"]
    more = night.candidate(training__trials=6)
    drawn = values(study)
    assert len(drawn) == 6
    before, whole = state(nightly), state(night.registry.runs.find(study) or "")
    for count in range(1, 7):
        run = night.candidate(training__trials=count)
        metrics = night.registry.runs.metrics(run.removeprefix("runs:/"))
        assert metrics["validation_average_precision"] == pytest.approx(max(drawn[:count]))
        # The same parameters make the same model, so the same run; others make another.
        same = [c for c in (2, 6) if max(drawn[:c]) == max(drawn[:count])]
        assert (run in {nightly, more}) == bool(same)
    assert state(nightly) == before
    # The study's run is of all its trials, whoever asks for how many.
    assert state(night.registry.runs.find(study) or "") == whole
    assert night.registry.runs.metrics(night.registry.runs.find(study) or "")["trials"] == 6


def test_a_night_after_an_experiment_has_a_run_of_its_own_and_registers_it(night: Night) -> None:
    """The same model twice: one run that somebody tried, one that the schedule made."""
    spec = night.path.with_name("later.toml")
    spec.write_text(night.path.read_text().replace("trials = 2", "trials = 1\nseed = 8"))
    reference = str(spec)
    changed = f"{reference}?training.threads=1"
    tried, ran = (
        [steps.tune(each, AS_OF, trained_on(spec)) for each in (changed, reference)],
        [],
    )
    assert tried[0] == tried[1]
    for each, author in ((changed, "alice (Airflow)"), (reference, "schedule")):
        run = steps.train(each, AS_OF, trained_on(spec), tried[0], author)
        ran.append(steps.evaluate(each, AS_OF, trained_on(spec), run))
    assert ran[0] != ran[1]
    from pipelines.config.spec import load_spec
    from pipelines.tracking.registry import open_registry

    registry = open_registry(load_spec(reference))
    first, second = (registry.runs.tags(run.removeprefix("runs:/")) for run in ran)
    assert first["overnight.bundle_digest"] == second["overnight.bundle_digest"]
    assert (first["overnight.experiment"], second["overnight.experiment"]) == ("yes", "no")
    assert (first["overnight.author"], second["overnight.author"]) == (
        "alice (Airflow)", "schedule",
    )  # fmt: skip
    before = state_of(ran[0])
    assert steps.register(reference, AS_OF, ran[1], "automatic") == "models:/later/1"
    assert registry.get("1").tags["overnight.author"] == "schedule"
    assert state_of(ran[0]) == before
    # Another experiment that is the same model ends with the night's run, not with the first's.
    again = f"{reference}?training.time_budget=1h"
    assert steps.train(again, AS_OF, trained_on(spec), tried[0], "bob (Airflow)") == ran[1]


def trained_on(spec: Path) -> str:
    """The night's training set in the lake of another spec, made once."""
    import shutil

    lake = Path(load_settings().lake)
    if not (lake / spec.stem).exists():
        shutil.copytree(lake / "cards", lake / spec.stem)
    return "training_sets@v1"


def state_of(run: str) -> Mapping[str, object]:
    import mlflow

    held = mlflow.get_run(run.removeprefix("runs:/"))
    return {**held.data.to_dictionary(), **dict(held.info)}


def test_a_study_and_a_trial_are_no_models(night: Night, nightly: str) -> None:
    study = night.registry.runs.tags(nightly.removeprefix("runs:/"))["overnight.study"]
    run = night.registry.runs.find(study)
    for step in (
        lambda: steps.register(night.reference(), AS_OF, f"runs:/{run}"),
        lambda: steps.evaluate(night.reference(), AS_OF, night.training_set, f"runs:/{run}"),
    ):
        with pytest.raises(InputError, match="is a tuning, not a model"):
            step()
