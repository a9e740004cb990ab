"""Scoring from the lake: one row at the endpoint, a day in a batch, and training, bit for bit."""

import re
from pathlib import Path

import pytest

from expectations.contract import LABEL, TRANSACTION_ID, InputError, OvernightError
from infra.sagemaker.runtime.invocation import ask
from pipelines import steps
from pipelines.config.columns import model_kinds
from pipelines.config.installation.settings import load_settings
from pipelines.config.references import TableVersion
from pipelines.deployment.score_endpoint import as_plain
from pipelines.lake.tables import Lake
from pipelines.modelling.inputs import last_fold, load_rows
from tests.infra.embedded_server import wait_for
from tests.pipelines.forgery import rewrite_in_place, tenfold
from tests.pipelines.nights import AS_OF, QUIET
from tests.rollouts.rig import Rig

pytestmark = QUIET


@pytest.fixture
def lake(rig: Rig) -> Lake:  # noqa: ARG001 -- its home is where the lake is
    """A lake whose features are those of the training set."""
    lake = Lake(load_settings().lake, spec="cards")
    training = lake.latest("training_sets")
    assert training is not None
    lake.write_days("features", lake.read(training).drop_columns([LABEL]), fingerprint="made")
    return lake


def newest_day(lake: Lake) -> str:
    return max(part.day for part in lake.parts(TableVersion("features", 1)))


def test_a_batch_the_endpoint_and_training_score_alike_to_the_last_bit(
    rig: Rig, lake: Lake
) -> None:
    day = newest_day(lake)
    at = TableVersion.parse(steps.score_batch(rig.reference, day, "1"))
    scored = {row[TRANSACTION_ID]: row for row in lake.read(at, days=[day]).to_pylist()}
    rows = lake.read(TableVersion("features", 1), days=[day]).to_pylist()
    assert set(scored) == {row[TRANSACTION_ID] for row in rows}
    names = list(model_kinds(rig.spec))
    asked = [{name: as_plain(row[name]) for name in names} for row in rows]
    reply = ask("cards", asked, inference_id="batch")
    assert reply.digest == rig.digest(1)
    for row, prediction in zip(rows, reply.predictions, strict=True):
        batch = scored[row[TRANSACTION_ID]]
        assert (batch["score"], batch["probability"], batch["decision"]) == (
            prediction.score, prediction.probability, prediction.decision,
        )  # fmt: skip
    of_training = training_scores(rig)
    assert {i: row["probability"] for i, row in scored.items()} == {
        i: of_training[i] for i in scored
    }


def training_scores(rig: Rig) -> dict[int, float]:
    from training.bundle.writing import load_bundle

    rig.row()  # fetches the bundle of version 1
    (found,) = (rig.home / "row").glob("**/bundle.json")
    at = Lake(load_settings().lake, spec="cards").latest("training_sets")
    rows = load_rows(rig.spec, at, holdout=last_fold(rig.spec, AS_OF))
    scores = load_bundle(found.parent).predict(rows).tolist()
    return dict(zip(rows.metadata[TRANSACTION_ID].to_pylist(), scores, strict=True))


def test_scoring_a_day_again_changes_nothing_and_another_version_stands_beside_it(
    rig: Rig, lake: Lake
) -> None:
    day = newest_day(lake)
    first = steps.score_batch(rig.reference, day, "champion")
    assert steps.score_batch(rig.reference, day, "1") == first
    second = TableVersion.parse(steps.score_batch(rig.reference, day, "2"))
    both = lake.read(second, days=[day])
    assert both.group_by("model_version").aggregate([([], "count_all")]).to_pylist() == [
        {"model_version": number, "count_all": both.num_rows // 2} for number in (1, 2)
    ]


def test_scores_that_were_changed_are_written_again_by_their_step(rig: Rig, lake: Lake) -> None:
    day = newest_day(lake)
    at = TableVersion.parse(steps.score_batch(rig.reference, day, "1"))
    (path,) = map(Path, lake.files(at))
    content = path.read_bytes()
    rewrite_in_place(path, tenfold)
    with pytest.raises(OvernightError, match='"overnight score-batch cards --day DAY"'):
        lake.read(at)
    assert steps.score_batch(rig.reference, day, "1") == str(at)
    assert path.read_bytes() == content


def test_a_day_that_is_not_there_is_told_with_those_that_are(rig: Rig, lake: Lake) -> None:
    assert newest_day(lake) < "2026"
    with pytest.raises(InputError, match=r"no rows of 1999-01-01; it has 2025-"):
        steps.score_batch(rig.reference, "1999-01-01", "1")
    with pytest.raises(InputError, match="is no day"):
        steps.score_batch(rig.reference, "yesterday", "1")


def test_scores_of_named_transactions_come_with_the_reasons_of_alerts(rig: Rig, lake: Lake) -> None:
    day = newest_day(lake)
    rows = lake.read(TableVersion("features", 1), days=[day]).slice(0, 3)
    ids = [str(value) for value in reversed(rows[TRANSACTION_ID].to_pylist())]
    lines = steps.score(rig.reference, ",".join(ids)).splitlines()
    assert [line.split()[0] for line in lines[1:] if line.split()[0] in ids] == ids
    with pytest.raises(InputError, match="holds no transaction 999999999"):
        steps.score(rig.reference, "999999999")


def test_a_rehearsal_reports_and_touches_nothing(rig: Rig, lake: Lake) -> None:
    assert newest_day(lake) < "2026"
    before, records = rig.live()["LastModifiedTime"], len(rig.chain.records)
    report = steps.rehearse(rig.reference, "2")
    told = {line[2:18].strip(): line[18:] for line in report.splitlines()[1:]}
    assert told["outcome"].startswith("PROMOTED")
    for phase in ("before", "during", "after"):
        assert ", 0 failed, p50 " in told[phase]
    assert "of" in told["changes"]
    assert report.count("alert volume") == 2
    assert rig.live()["LastModifiedTime"] == before
    assert len(rig.chain.records) == records


def test_captured_requests_can_be_rehearsed_with(rig: Rig, tmp_path) -> None:
    rows = rig.golden
    for number in range(30):
        ask("cards", [rows[number % len(rows)]], inference_id=f"t-{number}")
    file = tmp_path / "traffic.jsonl"
    assert wait_for(lambda: file.write_bytes(rig.captured()) > 0)
    report = steps.rehearse(rig.reference, "2", str(file))
    assert re.search(r"alert volume +models:/cards/1: [\d,]+ of [\d,]+ rows", report)
    assert "outcome         PROMOTED" in report


def test_a_rehearsal_with_a_file_that_is_no_capture_is_refused(rig: Rig, tmp_path) -> None:
    file = tmp_path / "traffic.jsonl"
    file.write_text('{"a": 1}\n')
    with pytest.raises(InputError, match="is no file of captured requests"):
        steps.rehearse(rig.reference, "2", str(file))
