"""The shape of the code base: what a newcomer may rely on in each package."""

import importlib
import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOPS = ("pipelines", "feature_jobs", "training", "expectations", "infra")
LONGEST_MODULE = 300
MOST_MODULES = 12

PACKAGES = sorted(
    folder.relative_to(ROOT).as_posix()
    for top in TOPS
    for folder in (ROOT / top, *(ROOT / top).rglob("*/"))
    if (folder / "__init__.py").is_file()
)


def modules_of(package: str) -> list[Path]:
    return sorted(p for p in (ROOT / package).glob("*.py") if p.name != "__init__.py")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_few_short_modules_and_a_readme_that_names_each(package: str) -> None:
    modules = modules_of(package)
    assert len(modules) <= MOST_MODULES
    long = [m.name for m in modules if len(m.read_text().splitlines()) > LONGEST_MODULE]
    assert not long
    readme = (ROOT / package / "README.md").read_text()
    named = set(re.findall(r"[a-z_0-9]+", readme))
    assert not [m.stem for m in modules if m.stem not in named and not m.stem.startswith("__")]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_of_a_package_is_there(package: str) -> None:
    name = package.replace("/", ".")
    if name.startswith("infra.aws"):  # its libraries stand in an environment of their own
        return
    found = importlib.import_module(name)
    assert found.__doc__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Great Expectations' libraries
        for public in getattr(found, "__all__", ()):
            assert getattr(found, public) is not None


@pytest.mark.parametrize("package", ["dags"])
def test_the_dags_are_short(package: str) -> None:
    assert not [m for m in modules_of(package) if len(m.read_text().splitlines()) > LONGEST_MODULE]
