"""What the product imports is declared, and what is declared is imported."""

import ast
import sys
import tomllib
from collections import defaultdict
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PRODUCT = ("dags", "pipelines", "feature_jobs", "training", "expectations", "infra")

# Imports that several distributions share, and the one that is declared for each.
SHARED = {
    "airflow": "apache-airflow",  # brings Airflow's core and its task SDK
    "google": "protobuf",
    "mlflow": "mlflow",
}
# In environments of their own, each with a group of pyproject.toml.
APART = {"infra/aws": "infra", "infra/serving": "serving", "infra/supply": "dev"}
# The CDK, which is not installed where this test runs.
NOT_INSTALLED = {"aws_cdk": "aws-cdk-lib", "cdk_nag": "cdk-nag"}
# Never imported by us.
LOADED_BY_NAME = {
    "apache-airflow-providers-fab": "Airflow's sign-in, by its setting auth_manager",
    "apache-airflow-providers-postgres": "Airflow's connections of the type postgres",
    "apache-airflow-providers-smtp": "Airflow's notifiers, by the names in OVERNIGHT_NOTIFIERS",
    "psycopg": "by SQLAlchemy, from postgresql+psycopg:// in an address",
}


@cache
def find_imports():
    """Package of others to the files of the product that import it."""
    found = defaultdict(set)
    for path in (path for top in PRODUCT for path in (ROOT / top).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            for name in {each.split(".")[0] for each in names}:
                if name not in sys.stdlib_module_names and name not in PRODUCT:
                    found[name].add(path.relative_to(ROOT).as_posix())
    return dict(found)


@cache
def installed():
    return packages_distributions()


def distribution_of(package):
    """The distribution that is declared for an imported package."""
    if package in NOT_INSTALLED:
        return NOT_INSTALLED[package]
    listed = installed().get(package, [package])
    names = {SHARED[package]} if package in SHARED else {*map(canonicalize_name, listed)}
    assert len(names) == 1, f"{package} is of {sorted(names)}: name one of them in SHARED"
    return names.pop()


def names_of(requirements):
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def declared():
    return names_of(PROJECT["project"]["dependencies"])


def test_everything_that_is_imported_is_declared():
    # The serving container is also started in the platform's environment; the other two never are.
    apart = ("infra/aws/", "infra/supply/")
    imported = {
        distribution_of(package)
        for package, files in find_imports().items()
        if not all(file.startswith(apart) for file in files)
    }
    assert not imported - declared()


@pytest.mark.parametrize("folder", APART)
def test_an_environment_of_its_own_declares_what_its_folder_imports(folder):
    group = names_of(PROJECT["dependency-groups"][APART[folder]])
    if APART[folder] == "dev":
        group |= declared()
    imported = {
        distribution_of(package)
        for package, files in find_imports().items()
        if any(file.startswith(f"{folder}/") for file in files)
    }
    assert imported
    assert not imported - group


def test_everything_that_is_declared_is_imported():
    idle = declared() - {distribution_of(package) for package in find_imports()}
    assert idle == LOADED_BY_NAME.keys()
