"""Hooks of mkdocs: tables are put in where a page asks for them, pages of the folders added."""

import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

# mkdocs loads this file by its path.
sys.path.insert(0, str(Path(__file__).parents[2]))

from mkdocs.structure.files import File, Files

from docs.site import commands, layers, pages, spec_keys, variables

GENERATED: Mapping[str, Callable[[], str]] = {
    "spec keys": spec_keys.render,
    "variables": variables.render,
    "commands": commands.render,
    "packages": layers.render,
    "packages of pipelines": partial(layers.render, "pipelines"),
    "packages of feature_jobs": partial(layers.render, "feature_jobs"),
    "packages of training": partial(layers.render, "training"),
    "packages of infra": partial(layers.render, "infra"),
}
MARK = re.compile(r"^<!-- generated: ([a-z_ ]+) -->$", re.M)


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages of the folders."""
    for path in pages.repository_pages():
        address = pages.address_in_site(path)
        text = (pages.ROOT / path).read_text(encoding="utf-8")
        files.append(File.generated(config, address, content=text))
    return files


def on_page_markdown(text: str, *, page: Any, **_: Any) -> str:
    """Put the generated tables in, and lead links to where the site has what they name."""
    here = page.file.src_uri
    inside = here.removeprefix(pages.PREFIX) if here.startswith(pages.PREFIX) else f"docs/{here}"
    filled = MARK.sub(lambda found: GENERATED[found[1]](), text)
    return pages.resolve_links(filled, pages.ROOT / inside, here)
