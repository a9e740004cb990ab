"""From a training set in a lake to a judged run: lineage, report, gate, registration, approval."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from expectations.contract import InputError
from pipelines import steps
from pipelines.modelling.evaluation_record import read_record
from pipelines.tracking.registry import CHAMPION
from tests.pipelines.nights import AS_OF, QUIET, SPEC, Night
from tests.training.frames import make_rows
from training.learner_version import LEARNER_VERSION

pytestmark = QUIET


@pytest.fixture(scope="module")
def first(night: Night) -> str:
    return night.candidate()


def artifacts(run: str, name: str) -> Path:
    import mlflow

    return Path(mlflow.artifacts.download_artifacts(run_id=run[6:], artifact_path=name))


def test_a_run_says_where_its_model_comes_from(night: Night, first: str) -> None:
    import mlflow

    run = mlflow.get_run(first[6:])
    tags = run.data.tags
    for key in ("spec_digest", "lock_digest", "training_set_digest"):
        assert len(tags[f"overnight.{key}"]) == 64
    assert tags["overnight.learner_version"] == str(LEARNER_VERSION)
    assert tags["overnight.training_set"] == night.training_set
    assert tags["overnight.code_revision"]
    (given,) = run.inputs.dataset_inputs
    assert given.dataset.name == "cards.training_sets"
    version = json.loads(given.dataset.source)["version"]
    assert f"training_sets@v{version}" == night.training_set
    model = mlflow.models.get_model_info(f"models:/{tags['overnight.model_id']}")
    assert [column.name for column in model.signature.inputs] == ["amount", "channel", "count_7d"]
    assert model.saved_input_example_info is not None


def test_the_study_is_a_run_with_a_child_for_each_of_its_best_trials(
    night: Night, first: str
) -> None:
    runs = night.registry.runs
    study = runs.tags(first[6:])["overnight.study"]
    parent = runs.find(study)
    import mlflow

    experiment = mlflow.get_run(parent).info.experiment_id
    children = mlflow.MlflowClient().search_runs(
        [experiment], f"tags.`mlflow.parentRunId` = '{parent}'"
    )
    assert len(children) == 2
    best = max(child.data.metrics["validation_average_precision"] for child in children)
    assert best == runs.metrics(parent)["validation_average_precision"]
    # A rerun finds all of it.
    steps.tune(night.reference(), AS_OF, night.training_set)
    again = mlflow.MlflowClient().search_runs(
        [experiment], f"tags.`mlflow.parentRunId` = '{parent}'"
    )
    assert len(again) == 2


def test_the_record_holds_what_a_reviewer_is_shown(night: Night, first: str) -> None:
    kept = {path.name for path in artifacts(first, "evaluation").iterdir()}
    assert kept == {"comparison.json", "gate.json"}
    runs = night.registry.runs
    record, metrics = read_record(runs, first[6:]), runs.metrics(first[6:])
    compared = record.comparison
    values = {each.title: each for each in record.metrics}
    shown = values["average precision"]
    assert shown.value == metrics["test_average_precision"]
    assert shown.baseline == metrics["baseline_average_precision"]
    low, high = (metrics[f"test_average_precision_{end}"] for end in ("low", "high"))
    assert shown.interval == (low, high)
    assert low < shown.value < high
    assert values["money saved a day"].perfect == metrics["perfect_money_saved_per_day"]
    names = {each.name for each in compared.slices}
    assert names >= {"customer seen more often", "channel web", "hour 00-06"}
    assert sum(day.rows for day in compared.by_day) == compared.rows == metrics["test_rows"]
    saved = sum(day.money for day in compared.by_day) / compared.days
    assert saved == pytest.approx(metrics["test_money_saved_per_day"])
    assert sum(each.frauds for each in compared.scores) == metrics["test_frauds"]
    worst = [each.case.score for each in compared.false_negatives]
    assert worst == sorted(worst)
    assert {each.name for each in compared.contributions} == {"amount", "channel", "count_7d"}


def test_what_the_gate_accepts_becomes_challenger(night: Night, first: str) -> None:
    decision = json.loads((artifacts(first, "evaluation") / "gate.json").read_text())
    assert decision["is_accepted"]
    assert {c["name"] for c in decision["checks"]} == {"baseline", "calibration", "latency"}
    assert steps.register(night.reference(), AS_OF, first) == "models:/cards/1"
    assert "challenger" in night.registry.get("1").aliases


def test_what_the_gate_refuses_is_registered_without_an_alias_and_not_approved(
    night: Night, first: str
) -> None:
    del first
    run = night.candidate(gate__max_latency_ms=1e-6, training__seed=9)
    reference = night.reference()
    version = steps.register(reference, AS_OF, run).rpartition("/")[2]
    held = night.registry.get(version)
    assert held.aliases == ()
    assert "latency: 99 % of single rows" in held.tags["overnight.gate_reasons"]
    with pytest.raises(InputError, match=r"the gate refused it: .*latency"):
        steps.approve(reference, version, "I know better")


def test_a_challenger_is_compared_with_the_champion_on_the_same_rows(
    night: Night, first: str
) -> None:
    registry = night.registry
    champion = registry.get(steps.register(night.reference(), AS_OF, first).rpartition("/")[2])
    registry.set_alias(CHAMPION, champion)
    try:
        run = night.candidate(training__seed=11, gate__require="better")
        decision = json.loads((artifacts(run, "evaluation") / "gate.json").read_text())
        names = {check["name"] for check in decision["checks"]}
        assert names >= {"features", "average precision", "money saved", "slices"}
        # Another seed on the same rows is no better model.
        assert not decision["is_accepted"]
        (why,) = [c["reason"] for c in decision["checks"] if c["name"] == "average precision"]
        assert "better asks for more than +0.0050" in why
        # Without a column that the champion reads, both still score the same rows.
        left = night.candidate(training__leave_out='["count_7d"]')
        checks = json.loads((artifacts(left, "evaluation") / "gate.json").read_text())["checks"]
        told = {check["name"]: check for check in checks}
        assert names - {"champion"} <= set(told)
        assert "count_7d" in told["features"]["reason"]
        assert told["features"]["is_passed"]
    finally:
        registry.remove_alias(CHAMPION)


def test_a_champion_that_knows_the_test_window_is_not_compared(night: Night, first: str) -> None:
    registry = night.registry
    champion = registry.get(steps.register(night.reference(), AS_OF, first).rpartition("/")[2])
    registry.tag_version(champion, {"overnight.as_of": "2025-03-01"})
    registry.set_alias(CHAMPION, champion)
    try:
        run = night.candidate(training__seed=13)
        decision = json.loads((artifacts(run, "evaluation") / "gate.json").read_text())
        (told,) = [c for c in decision["checks"] if c["name"] == "champion"]
        assert not told["is_passed"]
        assert "was trained on rows up to" in told["reason"]
    finally:
        registry.remove_alias(CHAMPION)
        registry.tag_version(champion, {"overnight.as_of": AS_OF})


def test_the_same_inputs_find_the_same_run(night: Night, first: str) -> None:
    assert night.candidate() == first
    # The number of threads or of trials asked for changes no model.
    assert night.candidate(training__threads=1) == first


def test_a_training_set_without_a_declared_column_is_refused(night: Night) -> None:
    other = night.path.with_name("wider.toml")
    other.write_text(
        SPEC.replace("[labels]", 'rate = { column = "r", kind = "numeric" }\n[labels]')
    )
    shutil.copytree(night.path.parent / "lake/cards", night.path.parent / "lake/wider")
    with pytest.raises(InputError, match="has no rate, which wider declares"):
        steps.tune(str(other), AS_OF, night.training_set)


def test_every_fold_that_cannot_be_used_is_named(night: Night) -> None:
    with pytest.raises(InputError, match="problems in the training set") as caught:
        steps.tune(night.reference(training__folds=6), AS_OF, night.training_set)
    assert str(caught.value).count("the train window") >= 2


def test_a_worker_that_is_not_there_is_refused(night: Night) -> None:
    with pytest.raises(InputError, match=r"cards has 1 tuning worker, and '3' was given"):
        steps.tune(night.reference(), AS_OF, night.training_set, worker="3")


def test_rows_read_from_the_lake_are_those_that_were_written(night: Night) -> None:
    from pipelines.config.references import TableVersion
    from pipelines.modelling.inputs import last_fold, load_rows

    at = TableVersion.parse(night.training_set)
    rows = load_rows(night.spec, at, holdout=last_fold(night.spec, AS_OF))
    written = make_rows(12_000)
    assert rows.metadata["transaction_id"].to_pylist() == written["transaction_id"].to_pylist()
    expected = written["amount"].to_numpy().astype(np.float32)
    assert (rows.matrix["amount"].to_numpy() == expected).all()
    assert set(rows.encoding.categories["channel"]) == {"app", "web"}
