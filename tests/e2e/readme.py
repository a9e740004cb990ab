"""What README.md promises: its console blocks as commands and output."""

import re
import shlex
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def blocks(text: str) -> list[list[str]]:
    """Lines of each console block, without the indentation of a list."""
    found = re.findall(r"^( *)```console\n(.*?)^ *```", text, re.M | re.S)
    return [[line.removeprefix(indent) for line in body.splitlines()] for indent, body in found]


def commands(part: str) -> list[list[str]]:
    """The commands below the heading `part`, split into words, in order."""
    _, _, section = README.read_text(encoding="utf-8").partition(f"## {part}\n")
    section = section.partition("\n## ")[0]
    lines = [line for block in blocks(section) for line in block]
    return [shlex.split(line.removeprefix("$ ")) for line in lines if line.startswith("$ ")]


def output_of(command: str) -> list[str]:
    """The lines shown below a command, without those that stand for others."""
    for block in blocks(README.read_text(encoding="utf-8")):
        if block[0] == f"$ {command}":
            return [line for line in block[1:] if line.strip() != "…"]
    raise AssertionError(f"README.md shows no output of {command}")


def shape(line: str) -> str:
    """A line without its numbers, names of runs, and the folder it names last."""
    line = re.sub(r"(?<= in )/?[\w./-]+$", "FOLDER", line)
    line = re.sub(r"\b[0-9a-f]{12,}\b", "DIGEST", line)
    line = re.sub(r"\d[\d,.:-]*", "N", line)
    return " ".join(line.split())
