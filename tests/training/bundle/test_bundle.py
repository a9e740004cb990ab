import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from expectations.contract import InputError, Interval, OvernightError
from infra.serving.model.bundle import BundleError, Calibration, Reference
from infra.serving.model.scorer import load_scorer
from tests.training.frames import COLUMNS, PARAMS, as_rows, day, make_rows
from training.bundle.writing import Bundle, load_bundle, write_bundle
from training.learners.lightgbm.fit import fit
from training.policy import TrainingPolicy

REFERENCE = Reference((0.1, 0.4), (0.5, 0.25, 0.25), 0.25, {"amount": 0.5})
LOW = Interval(start=day(0), end=day(40))
CALIBRATIONS = {
    "identity": Calibration("identity"),
    "isotonic": Calibration(
        "isotonic", scores=(0.0, 0.01, 0.4, 1.0), values=(0.0, 0.002, 0.7, 1.0)
    ),
    "platt": Calibration("platt", slope=1.3, intercept=-0.4),
}


def write(
    folder: Path, *, seed: int = 7, calibration: Calibration = CALIBRATIONS["isotonic"]
) -> Bundle:
    rows = as_rows(make_rows())
    policy = TrainingPolicy(seed=seed, lightgbm={"members": 2})
    return write_bundle(
        folder,
        name="demo",
        model=fit(rows, LOW, params=PARAMS, policy=policy),
        calibration=calibration,
        threshold=0.5,
        threshold_id="alert_rate_0.005",
        golden=rows.take(range(12)),
        reference=REFERENCE,
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write(tmp_path_factory.mktemp("bundle"))


def test_the_same_rows_and_seed_give_the_same_bytes(bundle: Bundle, tmp_path: Path) -> None:
    assert write(tmp_path).digest == bundle.digest


def test_another_seed_gives_another_model(bundle: Bundle, tmp_path: Path) -> None:
    assert write(tmp_path, seed=8).digest != bundle.digest


@pytest.mark.parametrize("method", CALIBRATIONS)
def test_serving_scores_every_row_with_the_bits_of_training(tmp_path: Path, method: str) -> None:
    offline = write(tmp_path, calibration=CALIBRATIONS[method])
    rows = make_rows(300, seed=9)
    # What training never saw, beside what it did: categories, and numbers beyond 32 bits.
    strange = rows.set_column(
        rows.schema.get_field_index("channel"), "channel", pa.array(["moon", None, "app"] * 100)
    )
    strange = strange.set_column(
        strange.schema.get_field_index("amount"), "amount", pa.array([1e300, -1e39, 1e-60] * 100)
    )
    scorer = load_scorer(tmp_path)
    for table in (rows, strange):
        scores = offline.predict(as_rows(table))
        features = [
            {n: None if row[n] is None or row[n] != row[n] else row[n] for n in COLUMNS}
            for row in table.to_pylist()
        ]
        found = scorer.score(features, unknown_categories="missing")
        assert [p.probability for p in found] == scores.tolist()
        raw = offline.model.predict(offline.recode(as_rows(table)))
        assert [p.score for p in found] == raw.tolist()


def test_the_golden_vectors_are_the_scores_of_training(bundle: Bundle, tmp_path: Path) -> None:
    write(tmp_path)
    golden = json.loads((tmp_path / "bundle.json").read_text())["golden"]
    rows = as_rows(make_rows()).take(range(12))
    assert [vector["probability"] for vector in golden] == bundle.predict(rows).tolist()
    assert [vector["score"] for vector in golden] == bundle.model.predict(rows).tolist()


def test_the_container_reads_the_threshold_and_the_reference_that_training_wrote(
    bundle: Bundle, tmp_path: Path
) -> None:
    assert write(tmp_path).digest == bundle.digest
    served = load_scorer(tmp_path).bundle
    assert (served.threshold.id, served.threshold.probability) == ("alert_rate_0.005", 0.5)
    assert served.reference.score_edges == (0.1, 0.4)
    assert served.reference.score_shares == (0.5, 0.25, 0.25)
    assert served.reference.alert_rate == 0.25
    assert served.reference.missing == {"amount": 0.5}


def test_a_bundle_of_format_2_is_refused_with_the_remedy(tmp_path: Path) -> None:
    write(tmp_path)
    manifest = tmp_path / "bundle.json"
    manifest.write_text(manifest.read_text().replace('"format":3', '"format":2'))
    remedy = r"not a bundle of format 3: .*\n?.*Train the model again with this version"
    with pytest.raises(OvernightError, match=remedy):
        load_bundle(tmp_path)
    with pytest.raises(BundleError, match=remedy):
        load_scorer(tmp_path)


def test_rows_without_a_column_of_the_model_are_refused_with_its_name(bundle: Bundle) -> None:
    rows = as_rows(make_rows(), {"amount": "numeric", "channel": "categorical"})
    with pytest.raises(InputError, match="The rows have no count_7d, which the model reads"):
        bundle.predict(rows)


def test_a_changed_file_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    write(tmp_path)
    for name, old, new in [
        ("bundle.json", '"probability":0.5}', '"probability":0.4}'),
        ("model.txt", "learning_rate", "learning_pace"),
    ]:
        text = (tmp_path / name).read_text()
        (tmp_path / name).write_text(text.replace(old, new))
        with pytest.raises(OvernightError, match="was changed after it was written"):
            load_bundle(tmp_path)
        (tmp_path / name).write_text(text)
    assert load_bundle(tmp_path).digest == bundle.digest


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OvernightError, match="is no bundle"):
        load_bundle(tmp_path)


def test_a_bundle_holds_no_pickle(tmp_path: Path) -> None:
    write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle.json", "model.txt"]
    for path in tmp_path.iterdir():
        assert path.read_text(encoding="utf-8").isprintable() or path.suffix == ".txt"
    assert np.isfinite(list(load_bundle(tmp_path).predict(as_rows(make_rows(5))))).all()
