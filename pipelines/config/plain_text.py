"""Texts that people give, and texts of others that are shown: one line of what can be seen.

A line end in a reason would forge a line of the decision chain, an escape sequence would rewrite
what a terminal shows of it, and a mark of direction the order in which it is read.
"""

import unicodedata
from collections.abc import Iterator, Mapping

from expectations.contract import refuse_any

# Characters; what is longer belongs into a document that the text names.
LIMITS = {"because": 1_000, "override": 1_000, "by": 200, "author": 200}
LONGEST = 100_000
# Whose values may be of several lines.
LINES = frozenset({"form", "add_features"})
# Letters of some scripts are joined, or kept apart, by these.
_JOINERS = frozenset("\u200c\u200d")


def is_plain(character: str) -> bool:
    r"""Return True for a letter, digit, mark, sign or space; False for what is not seen itself.

    >>> [is_plain(each) for each in ("é", "—", "\u00a0", "\n", "\x1b", "\u202e", "\u2028")]
    [True, True, True, False, False, False, False]
    """
    return (
        character.isprintable() or unicodedata.category(character) == "Zs" or character in _JOINERS
    )


def one_line(text: str) -> str:
    r"""Write a text of others so that it is one line, other characters as their escapes.

    >>> print(one_line("good\n   9  forged\x1b[2K"))
    good\n   9  forged\x1b[2K
    """
    return "".join(each if is_plain(each) else _escape(each) for each in text)


def plain_lines(text: str) -> str:
    r"""Write a text of several lines without what steers a screen.

    >>> plain_lines("two\nlines\x1b[2K")
    'two\nlines\\x1b[2K'
    """
    return "".join(each if each in "\n\t" or is_plain(each) else _escape(each) for each in text)


def refuse_unplain(given: Mapping[str, object]) -> None:
    """Refuse texts that are not one line of plain text, or too long.

    Args:
        given: name to text; what is no text is passed over.

    Raises:
        ProblemsError: with everything that is wrong in them.
    """
    refuse_any("what was given", _problems(given))


def find_problem(name: str, text: str) -> str | None:
    """The problem of a text with a name; None when there is none."""
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
