"""A bundle that was changed is refused wherever one is loaded."""

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from expectations.contract import OvernightError
from pipelines import steps
from pipelines.config.columns import request_kinds
from pipelines.config.references import TableVersion
from pipelines.deployment.releases import endpoint_configuration
from pipelines.modelling.bundles import fetch_trained, fetch_verified
from pipelines.modelling.champion import score_champion
from pipelines.modelling.inputs import last_fold, load_rows
from pipelines.modelling.trained_models import open_trained
from pipelines.tracking.registry import CHAMPION, Version
from tests.pipelines.nights import AS_OF, QUIET, Night

pytestmark = QUIET

Change = Callable[[Path], None]


@pytest.fixture(scope="module")
def run(night: Night) -> Callable[[int], str]:
    """A trained run for each seed, made once; its id."""

    @cache
    def made(seed: int) -> str:
        changes = {"training__seed": seed, "training__trials": 1, "training__lightgbm__members": 1}
        return night.candidate(**changes).removeprefix("runs:/")

    return made


def stored(run: str) -> Path:
    import mlflow

    return Path(mlflow.get_run(run).info.artifact_uri.removeprefix("file://")) / "bundle"


def flip(folder: Path) -> None:
    model = folder / "model.txt"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)


@pytest.fixture(params=["a flipped bit", "another whole bundle"])
def change(request: pytest.FixtureRequest, run: Callable[[int], str]) -> Change:
    """What somebody who may write MLflow's files does to a bundle."""
    other = stored(run(42))
    if request.param == "a flipped bit":
        return flip

    def replace(folder: Path) -> None:
        shutil.rmtree(folder)
        shutil.copytree(other, folder)

    return replace


@pytest.fixture
def spoiled(run: Callable[[int], str], change: Change, tmp_path: Path) -> Iterator[str]:
    """A run whose bundle was changed, for the length of a test."""
    folder, kept = stored(run(41)), tmp_path / "kept"
    shutil.copytree(folder, kept)
    change(folder)
    yield run(41)
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)


def test_an_evaluation_of_it_is_refused(night: Night, spoiled: str, tmp_path: Path) -> None:
    with pytest.raises(OvernightError, match="changed"):
        steps.evaluate(night.reference(), AS_OF, night.training_set, f"runs:/{spoiled}")
    with pytest.raises(OvernightError, match="changed"):
        fetch_trained(night.registry, open_trained(night.spec).get(spoiled), target=tmp_path)


@pytest.fixture(scope="module")
def version(night: Night, run: Callable[[int], str]) -> Version:
    number = steps.register(night.reference(), AS_OF, f"runs:/{run(41)}").rpartition("/")[2]
    return night.registry.get(number)


def test_it_reaches_no_endpoint_and_scores_nothing(
    night: Night, version: Version, spoiled: str, tmp_path: Path
) -> None:
    assert version.run == spoiled
    with pytest.raises(OvernightError, match="changed"):
        fetch_verified(night.registry, version, target=tmp_path)
    with (
        pytest.raises(OvernightError, match="changed"),
        endpoint_configuration(night.spec, night.registry, version, digest=None),
    ):
        pass


def test_it_is_no_champion_to_compare_with(
    night: Night, version: Version, spoiled: str, run: Callable[[int], str]
) -> None:
    del spoiled
    night.registry.set_alias(CHAMPION, version)
    try:
        spec = night.spec
        fold = last_fold(spec, AS_OF)
        at = TableVersion.parse(night.training_set)
        rows = load_rows(spec, at, holdout=fold, columns=request_kinds(spec))
        champion = score_champion(night.registry, rows, run=run(42), spec=spec, fold=fold)
        assert champion is not None
        assert champion.model is None
        assert "changed" in champion.problem
    finally:
        night.registry.remove_alias(CHAMPION)
