"""Pages of the folders: each README and each decision is a page of the site, where it stands.

Links of a written page into the repository lead to such a page; to any other file they become
the file's path, as the site holds no code.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
WRITTEN = ROOT / "docs"
INCLUDED = (
    "CONTRIBUTING.md", "CHANGELOG.md", "*/README.md", "*/*/README.md", "*/*/*/README.md",
    "infra/decisions/*.md",
)  # fmt: skip
TOP = ("pipelines", "feature_jobs", "training", "expectations", "infra", "dags", "tests")
PREFIX = "code/"
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")


def repository_pages() -> Iterator[str]:
    """Paths of the pages that stand beside the code, in the repository."""
    found = {path.relative_to(ROOT) for pattern in INCLUDED for path in ROOT.glob(pattern)}
    for path in sorted(found):
        if len(path.parts) == 1 or path.parts[0] in TOP:
            yield path.as_posix()


def address_in_site(path: str) -> str:
    """Return the address of a page of the repository within the site."""
    return PREFIX + path


def resolve_links(text: str, source: Path, here: str) -> str:
    """Turn links into the repository to links within the site, or to paths.

    Args:
        text: Markdown.
        source: file that it is from.
        here: the page's address within the site.
    """
    known = set(repository_pages())

    def replace(found: re.Match[str]) -> str:
        label, target = found.groups()
        path, hash_, anchor = target.partition("#")
        if "://" in target or not path:
            return found[0]
        file = (source.parent / path).resolve()
        if file.is_dir() and (file / "README.md").is_file():
            file = file / "README.md"
        if not file.is_relative_to(ROOT):
            return found[0]
        inside = file.relative_to(ROOT).as_posix()
        if file.is_relative_to(WRITTEN):
            to = file.relative_to(WRITTEN).as_posix()
        elif inside in known:
            to = address_in_site(inside)
        else:
            return label if inside in label else f"{label} (`{inside}`)"
        return f"[{label}]({_relative(to, here)}{hash_}{anchor})"

    return _outside_of_code(text, lambda part: LINK.sub(replace, part))


def _relative(to: str, here: str) -> str:
    return PurePosixPath(os.path.relpath(to, PurePosixPath(here).parent)).as_posix()


def _outside_of_code(text: str, change: Callable[[str], str]) -> str:
    """Change all but fenced blocks."""
    parts = re.split(r"(^ *```.*?^ *```$)", text, flags=re.M | re.S)
    return "".join(part if number % 2 else change(part) for number, part in enumerate(parts))
