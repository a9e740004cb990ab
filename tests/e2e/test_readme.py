"""The pages of the project: what they name is there."""

import re
import subprocess

from tests.e2e.readme import README

CHECKOUT = README.parent


def test_make_knows_the_targets_that_are_named() -> None:
    names = set(re.findall(r"`?\bmake ([a-z]+)", README.read_text(encoding="utf-8")))
    assert {"demo", "test", "up"} <= names
    for name in names:
        asked = subprocess.run(
            ["make", "-n", name], cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
        assert asked.returncode == 0, asked.stderr


def test_every_link_leads_somewhere() -> None:
    for page in [README, *CHECKOUT.glob("*/README.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
    for folder in ("dags", "pipelines", "feature_jobs", "training", "expectations", "infra"):
        assert (CHECKOUT / folder / "README.md").is_file()
