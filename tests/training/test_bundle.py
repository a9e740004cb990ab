from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from expectations.contract import OvernightError
from infra.serving.scorer import load_scorer
from tests.training.frames import COLUMNS, make_rows
from training.bundle import Bundle, load_bundle, write_bundle
from training.fitting import fit
from training.policy import TrainingPolicy

PARAMS = {
    "max_bin": 255, "learning_rate": 0.1, "num_leaves": 15, "max_depth": 4, "min_data_in_leaf": 5,
    "bagging_fraction": 0.7, "bagging_freq": 1, "feature_fraction": 0.7,
}  # fmt: skip


def write(folder: Path, *, seed: int = 7) -> Bundle:
    rows = make_rows()
    model = fit(rows, columns=COLUMNS, params=PARAMS, rounds=25, policy=TrainingPolicy(seed=seed))
    return write_bundle(
        folder,
        name="demo",
        model=model,
        threshold=0.5,
        threshold_id="alert_rate_0.005",
        golden=rows.slice(0, 12),
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write(tmp_path_factory.mktemp("bundle"))


def test_the_same_rows_and_seed_give_the_same_bytes(bundle: Bundle, tmp_path: Path) -> None:
    assert write(tmp_path).digest == bundle.digest


def test_another_seed_gives_another_model(bundle: Bundle, tmp_path: Path) -> None:
    assert write(tmp_path, seed=8).digest != bundle.digest


def test_serving_scores_every_row_with_the_bits_of_training(tmp_path: Path) -> None:
    offline = write(tmp_path)
    rows = make_rows(300, seed=9)
    # What training never saw, beside what it did.
    strange = rows.set_column(
        rows.schema.get_field_index("channel"), "channel", pa.array(["moon", None, "app"] * 100)
    )
    scorer = load_scorer(tmp_path)
    for table in (rows, strange):
        scores = offline.predict(table)
        features = [
            {n: None if row[n] is None or row[n] != row[n] else row[n] for n in COLUMNS}
            for row in table.to_pylist()
        ]
        assert [p.score for p in scorer.score(features)] == scores.tolist()


def test_a_changed_file_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    write(tmp_path)
    for name, old, new in [
        ("bundle.json", '"score":0.5', '"score":0.4'),
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
    assert np.isfinite(list(load_bundle(tmp_path).predict(make_rows(5)))).all()
