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


def declarations(part: str) -> list[str]:
    """The TOML blocks from a heading on, in order."""
    _, _, rest = README.read_text(encoding="utf-8").partition(f"## {part}\n")
    return re.findall(r"^```toml\n(.*?)^```", rest, re.M | re.S)


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
