"""Runs a page as it is written: programs are files, declarations go into the spec."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.blocks import blocks, merged, shape

Call = Callable[[list[str]], str]


@dataclass
class Ran:
    """Everything that a page's commands printed, in order.

    Attributes:
        outputs: each command with what it printed on standard output and error.
        specs: the spec after each declaration.
    """

    outputs: list[tuple[str, str]] = field(default_factory=list)
    specs: list[str] = field(default_factory=list)

    def of(self, command: str) -> list[str]:
        """What the commands that begin so printed."""
        return [text for line, text in self.outputs if line.startswith(command)]


def run_page(page: Path, folder: Path, spec: str, call: Call) -> Ran:
    """Run every block of a page in a folder, and compare what is shown with what was printed.

    Args:
        page: Markdown.
        folder: where programs are written, and where the spec is.
        spec: name of the file that declarations go into.
        call: runs a command, which has to succeed, and gives what it printed.
    """
    ran = Ran()
    for block in blocks(page):
        if block.kind == "python":
            (folder / block.title).write_text(block.text, encoding="utf-8")
        elif block.kind == "toml":
            declared = merged((folder / spec).read_text(encoding="utf-8"), block.text)
            (folder / spec).write_text(declared, encoding="utf-8")
            ran.specs.append(declared)
        elif block.kind == "console":
            for words, shown in block.commands:
                printed = call(words)
                ran.outputs.append((" ".join(words), printed))
                shapes = {shape(line) for line in printed.splitlines()}
                for line in shown:
                    assert shape(line) in shapes, f"{words}\nshown: {line}\nprinted: {printed}"
    return ran
