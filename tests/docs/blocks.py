"""Promises of a page: its fenced blocks as commands, output, declarations and programs."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
DATA = DOCS / "guide/data.md"
FENCE = re.compile(r'^( *)```(\w+)(?: title="(.*?)")?\n(.*?)^ *```$', re.M | re.S)


@dataclass(frozen=True)
class Block:
    """One fenced block, without the indentation of a list."""

    kind: str
    title: str
    text: str

    @property
    def commands(self) -> list[tuple[list[str], list[str]]]:
        """Each command of a console block, split into words, with the lines shown below it."""
        found: list[tuple[list[str], list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append((shlex.split(line.removeprefix("$ ")), []))
            elif line.strip() != "…":
                found[-1][1].append(line)
        return found


def blocks(page: Path) -> Iterator[Block]:
    for indent, kind, title, body in FENCE.findall(page.read_text(encoding="utf-8")):
        text = "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))
        yield Block(kind, title, text)


def commands(page: Path) -> list[list[str]]:
    """The commands of a page's console blocks, split into words, in order."""
    return [words for b in blocks(page) if b.kind == "console" for words, _ in b.commands]


def output_of(command: str, page: Path) -> list[str]:
    """The lines shown below a command, without those that stand for others."""
    for block in blocks(page):
        if block.kind == "console":
            for words, lines in block.commands:
                if words == shlex.split(command):
                    return lines
    raise AssertionError(f"{page.name} shows no output of {command}")


def shape(line: str) -> str:
    """A line without its numbers, names of runs, and the folder it names last."""
    line = re.sub(r"(?<= in )/?[\w./-]+$", "FOLDER", line)
    line = re.sub(r"\b[0-9a-f]{12,}\b", "DIGEST", line)
    line = re.sub(r"\d[\d,.:-]*", "N", line)
    return " ".join(line.split())


def declarations(page: Path) -> list[str]:
    """The TOML blocks of a page, in order."""
    return [block.text for block in blocks(page) if block.kind == "toml"]


def merged(spec: str, block: str) -> str:
    """A spec with a block put in by hand: what its tables have already goes into them.

    A key that the spec sets is replaced; an entry of a list of tables is one more.
    """
    for piece in re.split(r"^(?=\[)", block, flags=re.M):
        header, _, body = piece.partition("\n")
        if not header.startswith("[["):
            keys = [line.partition("=")[0].strip() for line in body.splitlines() if "=" in line]
            lines, is_inside = [], False
            for line in spec.splitlines():
                if line.startswith("["):
                    is_inside = line.partition("#")[0].strip() == header
                if not (is_inside and line.partition("=")[0].strip() in keys):
                    lines.append(line)
            spec = "\n".join(lines) + "\n"
            found = re.search(rf"^{re.escape(header)} *(#.*)?\n", spec, re.M)
            if found is not None:
                spec = f"{spec[: found.end()]}{body}{spec[found.end() :]}"
                continue
        spec = f"{spec}\n{piece}"
    return spec
