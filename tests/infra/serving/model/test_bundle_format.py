"""A manifest that an earlier version wrote is read, and written again to the byte."""

import hashlib
from pathlib import Path

import pytest

from infra.serving.model import BundleError, load_bundle, save_bundle

MODEL = b"tree\n"
# As `overnight train` wrote it: canonical JSON, letters as they are, categories where there are
# categorical features, a calibration with the defaults of its other methods.
MANIFEST = (
    '{"calibration":{"intercept":-0.4,"method":"platt","scores":[],"slope":1.3,"values":[]},'
    '"digest":"DIGEST",'
    '"features":[{"kind":"numeric","name":"amount"},'
    '{"categories":["app","web"],"kind":"categorical","name":"channel"},'
    '{"categories":[],"kind":"categorical","name":"country"}],"format":3,'
    '"golden":[{"features":{"amount":12.5,"channel":null,"country":"fr"},'
    '"probability":0.25,"score":1e-07}],'
    f'"model_sha256":"{hashlib.sha256(MODEL).hexdigest()}","name":"cards",'
    '"reasons":{"amount":"montant élevé"},'
    '"reference":{"alert_rate":0.005,"missing":{"amount":0.1},"score_edges":[0.5],'
    '"score_shares":[0.75,0.25]},"threshold":{"id":"alert_rate_0.005","probability":0.5}}'
)
DIGEST = hashlib.sha256(MANIFEST.replace('"digest":"DIGEST",', "").encode()).hexdigest()


@pytest.fixture
def written(tmp_path: Path) -> Path:
    (tmp_path / "model.txt").write_bytes(MODEL)
    (tmp_path / "bundle.json").write_text(MANIFEST.replace("DIGEST", DIGEST), encoding="utf-8")
    return tmp_path


def test_a_bundle_of_before_is_read_and_written_to_the_same_bytes(
    written: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bundle = load_bundle(written, DIGEST)
    again = tmp_path_factory.mktemp("again")
    assert save_bundle(again, bundle, model=MODEL) == bundle
    for name in ("bundle.json", "model.txt"):
        assert (again / name).read_bytes() == (written / name).read_bytes()


def test_a_number_that_is_none_is_not_written(written: Path, tmp_path: Path) -> None:
    import msgspec

    bundle = load_bundle(written)
    broken = msgspec.structs.replace(bundle.reference, alert_rate=float("nan"))
    with pytest.raises(ValueError, match="JSON compliant"):
        save_bundle(tmp_path, msgspec.structs.replace(bundle, reference=broken), model=MODEL)


def test_another_model_text_gives_another_digest(written: Path, tmp_path: Path) -> None:
    bundle = load_bundle(written)
    (tmp_path / "other").mkdir()
    other = save_bundle(tmp_path / "other", bundle, model=b"tree\nmore\n")
    assert other.digest != bundle.digest
    with pytest.raises(BundleError, match="is not the one that was deployed"):
        load_bundle(tmp_path / "other", DIGEST)
