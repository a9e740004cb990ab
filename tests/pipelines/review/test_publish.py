"""From evaluated runs to reports in MLflow: of a first version, a compared one, a refused one."""

from pathlib import Path

import pytest

from expectations.contract import InputError
from pipelines import steps
from pipelines.config.installation.settings import load_settings
from pipelines.config.references import Snapshot
from pipelines.modelling.data_summary import gather_data_summary
from pipelines.modelling.evaluation_record import COMPARISON, read_record
from pipelines.review.report import publish_report
from pipelines.tracking.registry import CHAMPION, Version
from pipelines.tracking.runs import REVIEW_REPORT
from pipelines.validation.validate import validate_snapshot
from tests.pipelines.banks import Bank, change, delivery
from tests.pipelines.nights import AS_OF, QUIET, Night

pytestmark = QUIET

SMALL = {"training__trials": 1, "training__lightgbm__members": 1}


@pytest.fixture(scope="module")
def versions(night: Night) -> tuple[Version, Version]:
    """The champion, and a version with a column less that the gate refuses."""
    first = night.candidate(**SMALL)
    champion = night.registry.get(steps.register(night.reference(), AS_OF, first))
    night.registry.set_alias(CHAMPION, champion)
    changed = {**SMALL, "training__columns": '["amount","count_7d"]', "training__seed": 9}
    second = night.candidate(**changed, gate__max_latency_ms=1e-6)
    return champion, night.registry.get(steps.register(night.reference(), AS_OF, second))


def report(night: Night, version: Version) -> str:
    text = night.registry.runs.read_file(version.run, REVIEW_REPORT)
    assert text is not None
    return text.decode()


def description(version: Version) -> str:
    import mlflow

    return mlflow.MlflowClient().get_model_version("cards", str(version.number)).description


def test_a_first_version_has_a_report_and_a_description(night: Night, versions) -> None:
    text = report(night, versions[0])
    assert "The gate accepts models:/cards/1: 3 of 3 checks passed." in text
    assert "There is no champion to compare it with." in text
    assert "SageMaker could not be asked" in text
    assert description(versions[0]).startswith("Accepted. It saves ")


def test_a_refused_version_has_one_too_with_all_that_changed(night: Night, versions) -> None:
    text = report(night, versions[1])
    assert "The gate refuses models:/cards/2" in text
    for changed in (
        '<th scope="row" class="text">seed</th><td class="text">7</td><td class="text">9</td>',
        '<th scope="row" class="text">channel</th><td class="text">categorical</td>',
        ">latency</th>",
    ):
        assert changed in text
    assert '<td class="text">[&#39;amount&#39;, &#39;count_7d&#39;]</td>' in text
    told = description(versions[1])
    assert told.startswith("Refused, ")
    assert "- latency: 99 % of single rows" in told
    assert f"/runs/{versions[1].run}/artifacts/{REVIEW_REPORT})" in told


def test_the_report_tells_what_evaluation_measured(night: Night, versions) -> None:
    runs = night.registry.runs
    record, metrics = read_record(runs, versions[1].run), runs.metrics(versions[1].run)
    found = record.comparison.candidate.estimates
    for ours, theirs in (
        ("average_precision", "test_average_precision"),
        ("auc", "test_auc"),
        ("money_saved", "test_money_saved_per_day"),
    ):
        own = found[ours]
        logged = [metrics[f"{theirs}{end}"] for end in ("", "_low", "_high")]
        assert [own.value, own.low, own.high] == pytest.approx(logged)
    assert record.champion == "models:/cards/1"
    assert record.data.training_set.frauds == 482
    assert record.data.training_set.rows == 12_000


def test_publishing_again_gives_the_same_bytes_and_adds_decisions(night: Night, versions) -> None:
    version, before = versions[1], report(night, versions[1])
    publish_report(night.spec, night.registry, version)
    assert report(night, version) == before
    publish_report(night.spec, night.registry, version, decisions=["override by alice: <urgent>"])
    decided = night.registry.runs.read_file(version.run, "review/decided.html")
    assert b"<li>override by alice: &lt;urgent&gt;</li>" in (decided or b"")
    assert report(night, version) == before


def test_a_run_without_its_comparison_is_refused_with_the_remedy(night: Night, versions) -> None:
    import mlflow

    with mlflow.start_run(experiment_id=mlflow.get_run(versions[0].run).info.experiment_id) as run:
        pass
    with pytest.raises(InputError, match=rf'{COMPARISON}\. Run "overnight evaluate"'):
        read_record(night.registry.runs, run.info.run_id)


def test_data_facts_hold_versions_checks_and_what_is_held_back(home: Path) -> None:
    bank = Bank(home)
    rows = delivery(40 * 8, amt=[10.0 + n % 5 for n in range(40 * 8)])
    done = bank.deliver(change(rows, amt={3: None, 9: None}))
    snapshot = Snapshot(done.transactions, done.labels)
    validate_snapshot(bank.toml, AS_OF, snapshot=snapshot)
    training = bank.lake.write_days(
        "training_sets", bank.lake.read(done.transactions).slice(0, 100), fingerprint="made"
    )
    facts = gather_data_summary(bank.spec, AS_OF, training_set=training)
    assert (facts.training_set.rows, facts.training_set.frauds) == (100, None)
    assert [(t.name, t.rows, t.first) for t in facts.tables] == [
        ("transactions", 318, "2025-01-01"), ("labels", 318, "2025-01-01"),
    ]  # fmt: skip
    assert facts.tables[1].frauds == sum(n % 7 == 0 for n in range(320) if n not in {3, 9})
    assert set(facts.checks) == {"transactions", "labels"}
    assert facts.checks["transactions"].rows == 318
    assert facts.checks["transactions"].findings == ()
    assert facts.quarantined == 2
    assert facts.rules == {"amount_missing": 2}
    assert facts.docs == f"{load_settings().docs_url}/cards/{AS_OF}/"
