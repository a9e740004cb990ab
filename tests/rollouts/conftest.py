import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tests.quiet  # noqa: F401 -- for its effect
from pipelines import steps
from tests.infra.embedded_server import EmbeddedServer, standing_server, talking_to
from tests.rollouts.rig import Rig, opened, prepared


@pytest.fixture(scope="session")
def sagemaker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """For every file here; tests of other folders that share the process never talk to it."""
    with standing_server(tmp_path_factory.mktemp("sagemaker")) as server:
        yield server


@pytest.fixture(scope="session")
def template(
    sagemaker: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A home where version 1 serves and version 2 is approved; and its spec."""
    home = tmp_path_factory.mktemp("template")
    with talking_to(sagemaker), prepared(home) as spec:
        first = Rig(home, spec, sagemaker, case="template")
        for version in ("1", "2"):
            steps.approve(first.reference, version, "good")
            if version == "1":
                shutil.copytree(home, home.with_name("fresh"))
                first.deploy()
    return home, spec


@pytest.fixture
def first_house(
    template: tuple[Path, Path], sagemaker: EmbeddedServer, tmp_path: Path
) -> Iterator[Rig]:
    """A case in which nothing serves yet: version 1 is approved."""
    home, spec = template
    with talking_to(sagemaker), opened(home.with_name("fresh"), tmp_path / "home"):
        made = Rig(tmp_path / "home", spec, sagemaker, case="case-first")
        made.disarm()
        made.delete()
        made.forget_models()
        yield made


@pytest.fixture
def rig(
    template: tuple[Path, Path],
    sagemaker: EmbeddedServer,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Rig]:
    """The case of one test: version 1 serves, version 2 is approved, nothing is armed."""
    home, spec = template
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[-50:].strip("-")
    with talking_to(sagemaker), opened(home, tmp_path / "home"):
        made = Rig(tmp_path / "home", spec, sagemaker, case=f"case-{name}")
        made.disarm()
        made.reset()
        yield made
        made.disarm()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let AWS take half a second to answer."""
    return lambda: monkeypatch.setenv("OVERNIGHT_AWS_SECONDS", "0.5")
