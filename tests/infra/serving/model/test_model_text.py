"""Model texts and manifests of every damaged kind: refused at once, with the reason."""

import json
import os
import random
import re
import signal
import subprocess
import sys

import pytest

from infra.serving.model.bundle import BundleError, digest_of, load_bundle
from infra.serving.model.model_text import check_model_text
from infra.serving.model.trial_load import try_apart
from tests.infra.bundles import make_bundle
from tests.infra.serving.container import Container
from tests.infra.serving.damage import resize

SECONDS = 30.0
RANDOM = random.Random(5)
DAMAGED = {
    "nothing": lambda _: b"",
    "random bytes": lambda _: RANDOM.randbytes(10_000),
    "random bytes after the first line": lambda _: b"tree\n" + RANDOM.randbytes(10_000),
    "random trees": lambda text: text[: text.index(b"Tree=0")] + RANDOM.randbytes(9_000),
    "no class": lambda text: text.replace(b"tree_per_iteration=1", b"tree_per_iteration=0"),
    "many trees": lambda text: text.replace(b"tree_sizes=", b"tree_sizes=" + b"9 " * 100_000),
    "large tree": lambda text: text.replace(b"tree_sizes=", b"tree_sizes=999999999 ", 1),
    "many leaves": lambda text: resize(text.replace(b"num_leaves=7", b"num_leaves=2147483647")),
    "a circle": lambda text: resize(re.sub(rb"left_child=\S+", b"left_child=0", text)),
    "another feature": lambda text: resize(re.sub(rb"_feature=\S+", b"_feature=4", text)),
    "half": lambda text: text[: len(text) // 2],
}  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return (make_bundle(tmp_path_factory.mktemp("text") / "b").folder / "model.txt").read_bytes()


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_text_is_refused_with_the_reason(good, kind):
    with pytest.raises(BundleError, match="none that LightGBM writes for a binary model: "):
        check_model_text(DAMAGED[kind](good))


def test_random_bytes_with_right_digests_end_the_container_at_once(tmp_path):
    folder = make_bundle(
        tmp_path / "bundle", change_model=lambda _: "tree\n" + RANDOM.randbytes(5_000).hex(" ")
    ).folder
    container = Container(folder)
    try:
        assert container.process.wait(timeout=60) == 1
        assert "none that LightGBM writes" in container.process.stderr.read().decode()
    finally:
        container.close()


def test_no_damage_crashes_or_hangs_what_loads_it(good, tmp_path):
    """Each is loaded in a process of its own, and scored when it is taken."""
    (tmp_path / "model.txt").write_bytes(good)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.infra.serving.damage", tmp_path / "model.txt", "400"],
        check=True,
        capture_output=True,
    )
    assert json.loads(ended.stdout) == {}


def test_a_load_that_crashes_or_hangs_is_told_with_how_it_ended():
    def crash():
        os.kill(os.getpid(), signal.SIGKILL)

    def hang():
        while True:
            pass

    with pytest.raises(BundleError, match="SIGKILL"):
        try_apart(crash, seconds=SECONDS)
    with pytest.raises(BundleError, match="did not load within 1 s"):
        try_apart(hang, seconds=1.0)


CHANGED = {
    "no features": {"features": []},
    "a feature twice": {"features": [{"name": "a", "kind": "numeric"}] * 2},
    "one knot": {"calibration": {"method": "isotonic", "scores": [0.0], "values": [0.0]}},
    "equal knots": {"calibration": {"method": "isotonic", "scores": [0, 0], "values": [0, 1]}},
    "shares": {
        "reference": {"score_edges": [], "score_shares": [], "alert_rate": 0, "missing": {}},
    },
    "golden types": {"golden": [{"features": {"amount": "x"}, "score": 0, "probability": 0}]},
    "golden names": {"golden": [{"features": {"none": 1}, "score": 0, "probability": 0}]},
    "a long number": {"more": 10**4000 * 10**4000},
    "another format": {"format": 2},
    "no text": {"name": 5},
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGED)
def test_a_manifest_that_contradicts_itself_is_refused_with_the_reason(tmp_path, kind):
    folder = make_bundle(tmp_path / "bundle").folder
    manifest = json.loads((folder / "bundle.json").read_bytes())
    changed = {
        key: value for key, value in {**manifest, **CHANGED[kind]}.items() if key != "digest"
    }
    number = changed.pop("more", None)
    text = json.dumps(changed)
    if number is not None:
        text = text[:-1] + ', "more": 1' + "0" * 8_000 + "}"
    else:
        text = json.dumps({**changed, "digest": digest_of(text.encode())})
    (folder / "bundle.json").write_text(text)
    with pytest.raises(BundleError):
        load_bundle(folder)


def test_no_damage_to_a_manifest_ends_in_anything_but_a_reason(tmp_path):
    folder = make_bundle(tmp_path / "bundle").folder
    manifest = (folder / "bundle.json").read_bytes()
    nested = b'{"digest":' + b"[" * 100_000
    for damaged in (*(_damage_json(manifest, number) for number in range(300)), nested):
        (folder / "bundle.json").write_bytes(damaged)
        with pytest.raises(BundleError):
            load_bundle(folder)


def _damage_json(text, number):
    chance = random.Random(number)
    if number % 2:
        return text[: chance.randrange(len(text))]
    changed = bytearray(text)
    at = chance.randrange(len(text))
    changed[at] = chance.choice([b for b in range(256) if b != changed[at]])
    return bytes(changed)
