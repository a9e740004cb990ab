"""Links of written pages, as the site has them."""

import pytest

from docs.site.pages import address_in_site, repository_pages, resolve_links
from tests.docs.blocks import DOCS, ROOT


def test_pages_of_the_repository_by_hand() -> None:
    found = set(repository_pages())
    assert {
        "CONTRIBUTING.md", "infra/README.md", "infra/aws/README.md",
        "feature_jobs/kernels/README.md",
        "infra/decisions/0001-seams-are-urls.md",
    } <= found  # fmt: skip
    assert not {path for path in found if path.startswith(("docs/", ".venv", "var/"))}


@pytest.mark.parametrize(
    ("link", "here", "resolved"),
    [
        # From docs/guide/data.md: to a page of docs, to a README, to a heading, to code, elsewhere.
        ("[a](../tutorial.md)", "guide/data.md", "[a](../tutorial.md)"),
        ("[a](../../infra/README.md)", "guide/data.md", "[a](../code/infra/README.md)"),
        ("[a](../../infra/aws/README.md#b)", "guide/data.md", "[a](../code/infra/aws/README.md#b)"),
        ("[a](../../LICENSE)", "guide/data.md", "a (`LICENSE`)"),
        ("[a](#b)", "guide/data.md", "[a](#b)"),
        ("[a](https://x.example/y)", "guide/data.md", "[a](https://x.example/y)"),
        ("![a](pictures/chain.svg)", "index.md", "![a](pictures/chain.svg)"),
        ("```toml\n[a](LICENSE)\n```", "index.md", "```toml\n[a](LICENSE)\n```"),
    ],
)
def test_links_lead_to_what_the_site_has(link: str, here: str, resolved: str) -> None:
    assert resolve_links(link, DOCS / here, here) == resolved


def test_links_of_a_folder_s_page_lead_within_the_site() -> None:
    here = address_in_site("infra/README.md")
    link = "[a](aws/README.md) [b](../docs/costs.md) [c](setup.sh)"
    resolved = "[a](aws/README.md) [b](../../costs.md) c (`infra/setup.sh`)"
    assert resolve_links(link, ROOT / "infra/README.md", here) == resolved
