"""The built site: it is made without a warning, and loads nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, ROOT

LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\b(?:src|srcset)=[\"']?([^\"'\s>]+)"
    r"|<link\b(?=[^>]*rel=[\"']?(?:stylesheet|icon|preconnect|preload|dns-prefetch))"
    r"[^>]*href=[\"']?([^\"'\s>]+)",
    re.I,
)
OF_STYLES = re.compile(r"url\(\s*[\"']?(https?:|//)|@import\s+[\"']?(https?:|//)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    ran = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder


def loaded(text: str) -> list[str]:
    """Addresses that a browser fetches by itself."""
    return [one or other for one, other in LOADED.findall(text)]


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        found = loaded(page.read_text(encoding="utf-8"))
        assert found, page
        for address in found:
            assert not address.startswith(("http:", "https:", "//")), (page.name, address)
    for style in site.rglob("*.css"):
        assert not OF_STYLES.search(style.read_text(encoding="utf-8")), style


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://x.example/a.js"></script>',
        "<link rel=stylesheet href=https://fonts.example/css>",
        '<link href="https://x.example" rel="preconnect">',
        '<img alt="a" src="https://x.example/a.png">',
    ],
)
def test_what_a_browser_fetches_is_seen(text: str) -> None:
    (address,) = loaded(text)
    assert address.startswith("https://")


def test_every_written_page_and_every_folder_has_a_page(site: Path) -> None:
    for page in DOCS.rglob("*.md"):
        assert (site / page.relative_to(DOCS).with_suffix(".html")).is_file(), page
    for folder in ("pipelines", "infra", "feature_jobs/kernels", "training"):
        assert (site / "code" / folder / "index.html").is_file(), folder


def test_generated_tables_and_pictures_are_put_in(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert "<!-- generated" not in page.read_text(encoding="utf-8"), page
    assert "gate.max_latency_ms" in (site / "reference/spec.html").read_text(encoding="utf-8")
    assert "OVERNIGHT_LAKE" in (site / "reference/variables.html").read_text(encoding="utf-8")
    assert "prove-no-leak" in (site / "reference/commands.html").read_text(encoding="utf-8")
    assert (site / "architecture.html").read_text(encoding="utf-8").count("<svg") >= 10
