"""The reference of the command line."""

import re
import subprocess
import sys
from pathlib import Path

from docs.site.commands import all_commands, render
from tests.docs.blocks import DOCS, ROOT

OVERNIGHT = Path(sys.executable).with_name("overnight")


def test_every_command_of_the_help_is_in_the_reference() -> None:
    said = subprocess.run([OVERNIGHT, "--help"], capture_output=True, text=True, check=True).stdout
    text = render()
    assert len(all_commands()) > 30
    for name in all_commands():
        assert re.search(rf"\b{re.escape(name)}\b", said)
        assert f"## {name}\n" in text
    assert "| `--weeks" in text


def test_pages_name_commands_that_exist() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]
    for page in pages:
        for name in re.findall(r"`overnight ([a-z][a-z-]+)", page.read_text(encoding="utf-8")):
            assert name in all_commands(), (page.name, name)
