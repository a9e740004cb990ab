"""Decisions about versions: who may approve what, what is found changed, what is put back."""

import html
import os
import pwd
import re
import sqlite3
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.contract import InputError, OvernightError, ProblemsError
from pipelines import steps
from pipelines.cli.compare import compare_runs
from pipelines.config.installation.settings import load_settings
from pipelines.governance.decision_log import DecisionLog
from pipelines.governance.decision_store import DECISIONS
from pipelines.governance.digests import open_decisions
from pipelines.lake.tables import Lake
from pipelines.tracking.registry import Version
from tests.pipelines.nights import ALONE, AS_OF, QUIET, Night, variant

pytestmark = QUIET

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture(scope="module")
def make(night: Night) -> Callable[..., Version]:
    """A registered version for each number; made once."""
    night.declare(ALONE)

    @cache
    def made(number: int, **overrides: object) -> Version:
        changes = {
            "training__seed": number,
            "training__trials": 1,
            "training__lightgbm__members": 1,
        }
        reference = night.reference(**changes, **overrides)
        run = night.candidate(**changes, **overrides)
        return night.registry.get(steps.register(reference, AS_OF, run))

    return made


def chain(night: Night) -> DecisionLog:
    return open_decisions(night.spec, night.registry).load()


def again(night: Night, version: Version) -> Version:
    return night.registry.get(str(version.number))


def approve(night: Night, version: Version, **given: str) -> str:
    return steps.approve(night.reference(), str(version.number), because="good", **given)


def refused(night: Night, version: Version) -> str:
    with pytest.raises(ProblemsError) as caught:
        approve(night, version)
    assert "approved" not in again(night, version).aliases
    return "\n".join(caught.value.problems)


def free(night: Night) -> None:
    """Take back the approval in force, so that another test can give one."""
    held = chain(night).approval
    if held is not None:
        steps.reject(night.reference(), str(held.version), "the test is over")


def test_a_registration_is_the_first_record_and_is_not_made_twice(night: Night, make) -> None:
    version = make(1)
    assert version.aliases == ("challenger",)
    first = chain(night).registration(version.number)
    assert first is not None
    assert first.gate == "accepted"
    assert first.actor == f"{ME} (operating system)"
    assert first.digests.model == version.tags["overnight.bundle_digest"]
    before = len(chain(night).records)
    assert steps.register(night.reference(), AS_OF, f"runs:/{version.run}") == str(version)
    assert len(chain(night).records) == before


def test_approval_and_rejection_are_recorded_with_who_and_why(night: Night, make) -> None:
    version = make(1)
    assert approve(night, version) == str(version)
    assert approve(night, version) == str(version)
    assert "approved" in again(night, version).aliases
    steps.reject(night.reference(), str(version.number), "it was a test")
    text = steps.decisions(night.reference())
    number = version.number
    assert text.count(f"approval     version {number} ") == 1
    assert f"rejection    version {number}    {ME} (operating system): it was a test" in text
    assert again(night, version).aliases == ()
    said = refused(night, version)
    assert f"(rejection of version {number}" in said
    with pytest.raises(InputError, match="A decision needs a reason"):
        steps.reject(night.reference(), str(version.number), "  ")


def test_a_review_begins_with_the_verdict_and_the_figures_of_its_report(night: Night, make) -> None:
    version = make(2, gate__max_latency_ms=1e-6)
    lines = steps.review(night.reference(), str(version.number)).splitlines()
    assert re.fullmatch(rf"The gate refuses {version}: \d of \d checks passed\.", lines[0])
    report = html.unescape(
        (night.registry.runs.read_file(version.run, "review/review.html") or b"").decode()
    )
    head = lines[: lines.index("")]
    shown = {line[2:24].strip(): line[25:] for line in head if line.startswith("  ")}
    for name in ("money saved a day", "average precision"):
        value, low, high = re.match(r"(\S+) \((\S+) to ([^)]+)\)", shown[name]).groups()
        assert value in report
        assert f"{low} to {high}" in report
    page = night.registry.runs.page(version.run, "review/review.html")
    assert shown["report"] == f"{load_settings().mlflow_url}/{page}"
    assert any(line.startswith("  refused by ") and "latency" in line for line in head)
    assert lines[-1].count(" = ") == 1  # parameters come last


def test_runs_that_are_the_same_are_said_to_be(night: Night, make) -> None:
    version = make(2, gate__max_latency_ms=1e-6)
    told = compare_runs(night.reference(), [str(version.number), f"runs:/{version.run}"])
    assert told == (
        f"{version.number}, runs:/{version.run} are the same run, runs:/{version.run}: "
        "nothing differs."
    )


def test_a_refused_candidate_is_registered_and_needs_an_override(
    night: Night, make, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    version = make(2, gate__max_latency_ms=1e-6)
    assert "challenger" not in version.aliases
    assert "the gate refused it: refused: latency" in refused(night, version)
    with monkeypatch.context() as patch:  # a reviewer who may not write files of runs
        patch.setattr(mlflow.MlflowClient, "log_artifacts", _deny)
        approve(night, version, override="latency is measured on a laptop")
    assert "approved" in again(night, version).aliases
    approve(night, version, override="latency is measured on a laptop")
    assert chain(night).records[-2].kind == "registration"
    record = chain(night).approval
    assert record is not None
    assert (record.kind, record.version) == ("override", version.number)
    assert "set aside: latency is measured on a laptop" in record.reason
    report = night.registry.runs.read_file(version.run, "review/decided.html")
    assert b"latency is measured on a laptop" in (report or b"")
    free(night)


def _deny(*_: object) -> None:
    raise RuntimeError("AccessDenied")


def test_what_was_changed_since_registration_is_named(night: Night, make) -> None:
    import mlflow

    version = make(3)
    run = mlflow.get_run(version.run)
    bundle = Path(run.info.artifact_uri.removeprefix("file://")) / "bundle/model.txt"
    text = bundle.read_text()
    mlflow.MlflowClient().log_metric(version.run, "test_average_precision", 0.99)
    mlflow.MlflowClient().set_model_version_tag(
        "cards", str(version.number), "overnight.spec_digest", "0" * 64
    )
    bundle.write_text(text.replace("shrinkage=", "shrinkage =", 1))
    said = refused(night, version)
    assert "the run's metrics has the digest" in said
    assert "the spec that it was made by has the digest 000000000000" in said
    assert "the bundle has the digest" in said
    assert len(said.splitlines()) == 3


def test_what_a_reviewer_is_shown_is_compared_too(night: Night, make) -> None:
    import mlflow

    version = make(10)
    folder = Path(mlflow.get_run(version.run).info.artifact_uri.removeprefix("file://"))
    page, description = folder / "review/review.html", version.description
    written = page.read_bytes()
    page.write_bytes(written.replace(b"</h1>", b", the best of all</h1>", 1))
    night.registry.describe(version, f"{description} Approve it.")
    said = refused(night, version)
    assert "the review report has the digest" in said
    assert "the version's description has the digest" in said
    assert len(said.splitlines()) == 2
    page.unlink()
    assert "the review report has the digest missing" in refused(night, version)
    # Registered again, it is not shown anew: that would make the change the record.
    steps.register(night.reference(), AS_OF, f"runs:/{version.run}")
    assert not page.exists()
    page.write_bytes(written)
    night.registry.describe(version, description)
    approve(night, version)
    night.registry.describe(version, "other")
    with pytest.raises(ProblemsError, match="the version's description has the digest"):
        steps.plan(night.reference())
    free(night)


def test_nobody_approves_an_own_candidate_where_two_are_asked_for(night: Night, make) -> None:
    version = make(4)
    with pytest.raises(ProblemsError, match=r"\(operating system\) made it; another person has to"):
        steps.approve(
            variant(night.path, {"four_eyes = false": "four_eyes = true"}),
            str(version.number), "mine",
        )  # fmt: skip
    assert "approved" not in again(night, version).aliases
    approve(night, version)
    free(night)


def test_another_file_of_the_spec_does_not_loosen_the_rules_a_model_was_made_under(
    night: Night,
) -> None:
    strict = variant(night.path, {"four_eyes = false": "four_eyes = true"})
    made_by = f"{strict}?training.seed=20&training.trials=1&training.lightgbm.members=1"
    study = steps.tune(made_by, AS_OF, night.training_set)
    run = steps.train(made_by, AS_OF, night.training_set, study)
    run = steps.evaluate(made_by, AS_OF, night.training_set, run)
    version = steps.register(made_by, AS_OF, run)
    for loose in (night.reference(), variant(night.path, {}, more='expires = "900d"\n')):
        with pytest.raises(ProblemsError, match="another person has to approve it"):
            steps.approve(loose, version, "mine")
    with pytest.raises(InputError, match="for one run"):
        steps.approve(made_by, version, "mine")


def test_a_candidate_expires(night: Night, make) -> None:
    version = make(5)
    hasty = variant(night.path, {}, more='expires = "0s"\n')
    with pytest.raises(ProblemsError, match="it was registered 0 days ago, and that holds 0"):
        steps.approve(hasty, str(version.number), "late")
    approve(night, version)
    with pytest.raises(ProblemsError, match="it was approved 0 days ago"):
        steps.plan(hasty)
    free(night)


def test_of_two_approvals_at_once_one_is_refused_or_comes_second(night: Night, make) -> None:
    free(night)
    versions = [make(6), make(7)]
    told: dict[int, str] = {}

    def decide(version: Version) -> None:
        try:
            told[version.number] = approve(night, version)
        except ProblemsError as error:
            told[version.number] = str(error)

    racing = [threading.Thread(target=decide, args=(version,)) for version in versions]
    for thread in racing:
        thread.start()
    for thread in racing:
        thread.join()
    held = chain(night).approval
    assert held is not None
    (loser,) = [v for v in versions if v.number != held.version]
    assert f"version {held.version} was approved by" in told[loser.number]
    assert "is not deployed yet; deploy it or reject it first" in told[loser.number]
    assert steps.reconcile(night.reference()) == f"models:/cards/{held.version}"
    free(night)


def test_an_alias_set_in_mlflow_is_an_approval(night: Night, make) -> None:
    version = make(8)
    night.registry.set_alias("approved", version)
    assert steps.reconcile(night.reference()) == str(version)
    record = chain(night).approval
    assert record is not None
    assert (record.version, record.actor) == (version.number, "unknown (MLflow)")
    assert steps.reconcile(night.reference()) == str(version)  # an event that comes twice
    assert len([r for r in chain(night).records if r.version == version.number]) == 2
    night.registry.remove_alias("approved")
    assert steps.reconcile(night.reference()) == str(version)
    assert "approved" in again(night, version).aliases
    free(night)


def test_aliases_moved_by_direct_sql_are_put_back_and_that_is_recorded(night: Night, make) -> None:
    bad = make(1)  # rejected above, or now
    if chain(night).last("rejection", version=bad.number) is None:
        steps.reject(night.reference(), str(bad.number), "no")
    latest = chain(night).challenger
    with sqlite3.connect(load_settings().home / "mlflow.db") as database:
        database.execute("delete from registered_model_aliases")
        for alias in ("approved", "champion", "challenger"):
            database.execute(
                "insert into registered_model_aliases (alias, version, name, workspace) "
                "values (?, ?, 'cards', 'default')",
                (alias, bad.number),
            )
    assert set(again(night, bad).aliases) == {"approved", "champion", "challenger"}
    assert steps.reconcile(night.reference()) == "nothing"
    assert again(night, bad).aliases == ()
    assert night.registry.aliases() == ({} if latest is None else {"challenger": latest})
    told = [r.reason for r in chain(night).records[-3:]]
    assert all(r.kind == "restoration" for r in chain(night).records[-3:])
    assert "alias approved was on version" in told[0]
    assert "(rejection of version" in told[0]
    assert told[2].startswith("alias champion was on version")


def test_a_changed_record_stops_every_decision(night: Night, make) -> None:
    version = make(9)
    lake = Lake(load_settings().lake, spec="cards")
    at = lake.latest(DECISIONS)
    assert at is not None
    held = chain(night).last("registration", version=version.number)
    (path,) = [
        Path(name) for name in lake.files(at)
        if pq.ParquetFile(name).read()["transaction_id"][0].as_py() == held.number
    ]  # fmt: skip
    kept = path.read_bytes()
    rows = pq.ParquetFile(path).read()
    (row,) = rows.to_pylist()
    pq.write_table(pa.Table.from_pylist([row | {"gate": "better"}], schema=rows.schema), path)
    try:
        for decide in (
            lambda: approve(night, version),
            lambda: steps.reconcile(night.reference()),
            lambda: steps.deploy(night.reference()),
            lambda: steps.decisions(night.reference()),
        ):
            with pytest.raises(OvernightError, match=rf"decisions@v.*{path.name} was changed"):
                decide()
    finally:
        path.write_bytes(kept)
    assert "verified:" in steps.decisions(night.reference())


def test_a_renamed_model_is_named_and_no_second_one_is_begun(night: Night, make) -> None:
    import mlflow

    version, client = make(1), mlflow.MlflowClient()
    client.rename_registered_model("cards", "gone")
    try:
        assert len(chain(night).records) > 1
        for ask in (
            lambda: night.registry.get(str(version.number)),
            lambda: steps.review(night.reference(), "1"),
            lambda: steps.register(night.reference(), AS_OF, f"runs:/{version.run}"),
        ):
            with pytest.raises(InputError, match="model of cards is called 'gone' now"):
                ask()
    finally:
        client.rename_registered_model("gone", "cards")
    assert night.registry.get(str(version.number)).number == version.number
