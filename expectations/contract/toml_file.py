"""TOML that people write, read within limits that come before the work.

Python's parser needs time with the square of a dotted key's parts and recurses into each bracket,
so a text is measured before it is parsed; what does not fit is the writer's mistake.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from expectations.contract import InputError, refuse_any

MAX_BYTES = 262_144
MAX_DOTS = 64
MAX_DEPTH = 16
_MAX_WHOLE = 2**63 - 1
_MAX_DIGITS = 400
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.])", re.ASCII)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        InputError: when it is too long, no UTF-8, no TOML, or nested too deeply.
        OSError: when it cannot be read.
    """
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise InputError(f"{path.name} has more than {MAX_BYTES:,} bytes. Split it or shorten it.")
    if raw.startswith(_BYTE_ORDER_MARK):
        raise InputError(
            f"{path.name} begins with a byte order mark. Save it as UTF-8 without one."
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path.name} is not UTF-8: byte {raw[error.start]:#04x} in line {line}. "
            "Save it as UTF-8."
        ) from error
    try:
        declared = parse_toml(text)
    except ValueError as error:
        raise InputError(f"{path.name} is not TOML: {error}. Fix that line.") from error
    refuse_any(path.name, limit_problems(declared))
    return declared


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a TOML text.

    Raises:
        ValueError: when it is no TOML or does not keep the limits.
    """
    if len(text) > MAX_BYTES:
        msg = f"it has {len(text):,} characters, and at most {MAX_BYTES:,} are read"
        raise ValueError(msg)
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MAX_DOTS and len(_DECIMAL.sub("", line).split(".")) > MAX_DOTS + 1:
            msg = f"line {number} has more than {MAX_DOTS} dots"
            raise ValueError(msg)
    try:
        return tomllib.loads(text)
    except RecursionError:
        msg = f"it is nested more than {MAX_DEPTH} deep"
        raise ValueError(msg) from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:  # a number of more digits than Python reads
        msg = f"a number has more than {_MAX_DIGITS} digits"
        raise ValueError(msg) from None


def limit_problems(declared: dict[str, Any]) -> Iterator[str]:
    """List numbers that no machine word holds, and tables nested too deeply."""
    waiting: list[tuple[str, int, object]] = [("", 0, declared)]
    while waiting:
        key, depth, value = waiting.pop()
        if isinstance(value, int) and not -_MAX_WHOLE <= value <= _MAX_WHOLE:
            yield f"{key}: a number of more than 64 bits; write a smaller one"
        if isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                yield f"{key[:80]}…: nested more than {MAX_DEPTH} deep; nest less"
                continue
            items = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [(f"{key}.{k}" if key else str(k), depth + 1, v) for k, v in items]
