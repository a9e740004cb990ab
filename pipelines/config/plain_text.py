"""Checks of texts that people enter, and escaping of texts that are shown.

A line end in a reason would forge a line of the decision log, an escape sequence would rewrite
what a terminal shows of it, and a directional mark the order in which it is read.
"""

import unicodedata
from collections.abc import Iterator, Mapping

from expectations.contract import refuse_any

# Characters; longer reasons belong into a document that the text names.
LIMITS = {"because": 1_000, "override": 1_000, "by": 200, "author": 200}
LONGEST = 100_000
# Arguments whose values may have several lines.
LINES = frozenset({"form", "add_features"})
# Joiners and non-joiners, which some scripts need between letters.
_JOINERS = frozenset("\u200c\u200d")


def is_plain(character: str) -> bool:
    r"""Return True for a letter, digit, mark, sign or space; False for invisible characters.

    >>> [is_plain(each) for each in ("é", "—", "\u00a0", "\n", "\x1b", "\u202e", "\u2028")]
    [True, True, True, False, False, False, False]
    """
    return (
        character.isprintable() or unicodedata.category(character) == "Zs" or character in _JOINERS
    )


def one_line(text: str) -> str:
    r"""Write a text in one line, with all but plain characters escaped.

    >>> print(one_line("good\n   9  forged\x1b[2K"))
    good\n   9  forged\x1b[2K
    """
    return "".join(each if is_plain(each) else _escape(each) for each in text)


def plain_lines(text: str) -> str:
    r"""Write a text of several lines with terminal control characters escaped.

    >>> plain_lines("two\nlines\x1b[2K")
    'two\nlines\\x1b[2K'
    """
    return "".join(each if each in "\n\t" or is_plain(each) else _escape(each) for each in text)


def refuse_unplain(given: Mapping[str, object]) -> None:
    """Refuse texts that are not one line of plain text, or too long.

    Args:
        given: name to text; other values are ignored.

    Raises:
        ProblemsError: with everything that is wrong in them.
    """
    refuse_any("what was given", _problems(given))


def find_problem(name: str, text: str) -> str | None:
    """Return the problem of a named text; None when there is none."""
    return next(_problems({name: text}), None)


def _problems(given: Mapping[str, object]) -> Iterator[str]:
    for name, text in given.items():
        if not isinstance(text, str):
            continue
        taken = "\r\n\t" if name in LINES else ""
        odd = next((c for c in text if not is_plain(c) and c not in taken), None)
        if odd is not None:
            yield (
                f"{name}: holds the character {_escape(odd)} at {text.index(odd) + 1}; write it in "
                "one line of letters, digits, signs and spaces"
            )
        limit = LIMITS.get(name, LONGEST)
        if len(text) > limit:
            yield f"{name}: is {len(text):,} characters long, and {limit:,} are taken; shorten it"


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
