"""Reads JSON text with Python's decoder, which shows what msgspec passes over or cannot place.

Those are keys that stand twice in one object, where a client and a proxy in front of it may each
take another of the two, and NaN and Infinity, which Python and pandas write and JSON does not have.
"""

import codecs
import json
from dataclasses import dataclass

from infra.serving.model import RequestError


@dataclass(frozen=True, slots=True)
class Text:
    """Parse a text; numbers are floats, whatever their length.

    Attributes:
        repeated: keys that stand twice in an object, in the order of the objects' ends.
        constants: those of NaN, Infinity and -Infinity that stand in it.
    """

    content: object
    repeated: tuple[str, ...]
    constants: tuple[str, ...]


def read_text(body: bytes) -> Text:
    """Read a body; one pass, and work in proportion to its size.

    Raises:
        RequestError: when it is no JSON in UTF-8, or nested too deep to read.
    """
    repeated: dict[str, None] = {}
    constants: dict[str, None] = {}

    def build_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
        built = dict(pairs)
        if len(built) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    repeated[key] = None
                seen.add(key)
        return built

    def read_constant(name: str) -> float:
        constants[name] = None
        return float(name)

    if body.startswith(codecs.BOM_UTF8):
        raise RequestError("The body begins with a byte order mark; send UTF-8 without one.")
    try:
        # An integer of any length is read as a float, which takes time in proportion to it.
        content = json.loads(
            body.decode(),
            object_pairs_hook=build_object,
            parse_int=float,
            parse_constant=read_constant,
        )
    except UnicodeDecodeError as error:
        raise RequestError("The body is not UTF-8; send JSON in UTF-8.") from error
    except json.JSONDecodeError as error:
        raise RequestError(f"The body is not JSON: {error}.") from error
    except RecursionError as error:
        raise RequestError("The body is nested too deep; an instance is flat.") from error
    return Text(content, tuple(repeated), tuple(constants))
