"""Links, commands and programs of the written pages."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.site.pages import LINK
from tests.docs.blocks import DOCS, ROOT, blocks

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
FOLDERS = [*ROOT.glob("*/README.md"), *ROOT.glob("*/*/README.md")]


def anchors(page: Path) -> set[str]:
    """Addresses of a page's headings, as mkdocs and GitHub make them."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    titles = re.findall(r"^#+ +(.+)$", text, re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Files that a page leads to, with the heading."""
    for _, target in LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:")):
            path, _, anchor = target.partition("#")
            yield (page.parent / path if path else page), anchor


@pytest.mark.parametrize("page", [*PAGES, *FOLDERS], ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for file, anchor in links(page):
        assert file.exists(), file
        # Headings of the reference are made from the models.
        if anchor and "<!-- generated" not in file.read_text(encoding="utf-8"):
            assert anchor in anchors(file), (file, anchor)


def test_a_link_to_no_heading_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("## How it is\n\n[a](#how-it-is) [b](other.md#what)\n")
    assert list(links(page)) == [(page, "how-it-is"), (tmp_path / "other.md", "what")]
    assert anchors(page) == {"how-it-is"}


def test_every_page_is_in_the_navigation() -> None:
    listed = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.md"):
        assert f"{page.relative_to(DOCS).as_posix()}\n" in listed, page


def test_make_knows_the_targets_that_are_named() -> None:
    named = {n for p in PAGES for n in re.findall(r"`?\bmake ([a-z]+-?[a-z]*)", p.read_text())}
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", rules, re.M))
    assert {"demo", "test", "up", "docs"} <= named & targets
    for name in named:
        if name in targets:
            asked = subprocess.run(
                ["make", "-n", name], cwd=ROOT, capture_output=True, text=True, check=False,
                env={"PATH": "/usr/bin:/bin", "TAG": "x"},
            )  # fmt: skip
            assert asked.returncode == 0, asked.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_programs_compile_and_declarations_parse(page: Path) -> None:
    for block in blocks(page):
        if block.kind == "python":
            compile(block.text, page.name, "exec")
        if block.kind == "toml":
            tomllib.loads(block.text)


def test_files_that_are_named_are_there() -> None:
    top = "pipelines|feature_jobs|training|expectations|infra|dags|tests|docs"
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for path in re.findall(rf"`((?:{top})/[\w./-]+)`", text):
            assert (ROOT / path).exists(), (page.name, path)


def test_the_readme_fits_on_a_screen() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 70


def test_every_folder_has_a_readme() -> None:
    for folder in ("dags", "pipelines", "feature_jobs", "training", "expectations", "infra"):
        assert (ROOT / folder / "README.md").is_file()
