"""Layout of an expression: the characters and words allowed in it, checked before parsing.

What two readers could take for two things is refused here: comments, characters that cannot be
seen, escapes, texts side by side.
"""

import re

from sqlglot import Token

MAX_NESTING = 32
SHOWN_LETTERS = 60
PARAMETER = "is a parameter, and nothing fills it in; write the value"
_DEPTHS = {"L_PAREN": 1, "L_BRACKET": 1, "R_PAREN": -1, "R_BRACKET": -1}
_TEXTS = {"STRING", "RAW_STRING"}
_OTHER_TEXTS = {"NATIONAL_STRING", "HEX_STRING", "BIT_STRING", "BYTE_STRING", "HEREDOC_STRING",
                "UNICODE_STRING"}  # fmt: skip
_CHARS = {"char", "character", "nchar", "nvarchar", "varchar"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = set("\\'\"nrt%_")
_NUMBER = re.compile(r"(\d{1,40}(\.\d{0,40})?|\.\d{1,40})(e[+-]?\d{1,3})?", re.IGNORECASE)
_MOST_DIGITS_OF_A_SUFFIX = 18


class UnreadableError(ValueError):
    """Text that is not one expression; `start` is the offset at which reading ended."""

    def __init__(self, start: int, problem: str) -> None:
        self.start = start
        super().__init__(problem)


def is_text(token: Token) -> bool:
    """Return True if a token is a text in quotes."""
    return token.token_type.name in _TEXTS


def shown(text: str) -> str:
    """Show a text, or its beginning, in quotes."""
    return repr(text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}…")


def refuse_layout(sql: str, tokens: list[Token]) -> None:
    """Refuse characters and words that no expression may hold.

    Raises:
        UnreadableError: at the first of it.
    """
    _refuse_hidden(sql, tokens)
    if "${" in sql:  # Spark puts settings and environment variables here, even inside a text
        raise UnreadableError(sql.index("${"), f"'${{' {PARAMETER}")
    depth, before = 0, ""
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        kind = token.token_type.name
        if before in {"ALIAS", "DCOLON"} and token.text.lower() in _CHARS:
            raise UnreadableError(token.start, f"{shown(token.text)} has a length; cast to string")
        before = kind
        depth += _DEPTHS.get(kind, 0)
        if depth > MAX_NESTING:
            problem = f"'{token.text}' is nested {depth} deep; nest at most {MAX_NESTING}"
            raise UnreadableError(token.start, problem)
        if kind == "SEMICOLON":
            raise UnreadableError(token.start, "';' ends a statement; write one expression")
        is_if = kind == "VAR" and token.text.lower() == "if"
        if is_if and (after is None or after.token_type.name != "L_PAREN"):
            raise UnreadableError(token.start, "'if' needs parentheses: if(condition, a, b)")
        _refuse_constant(sql, token, after)


def _refuse_hidden(sql: str, tokens: list[Token]) -> None:
    """Refuse comments and invisible characters, which stand between two tokens."""
    for start, letter in enumerate(sql):
        if (not letter.isprintable() and letter not in "\t\n\r") or "\ud800" <= letter <= "\udfff":
            problem = f"{letter!r} cannot be printed; leave it out"
            raise UnreadableError(start, problem)
    ends = [0, *(token.end + 1 for token in tokens)]
    for end, start in zip(ends, [*(token.start for token in tokens), len(sql)], strict=True):
        rest = sql[end:start].lstrip()
        if rest:
            raise UnreadableError(start - len(rest), "a comment; leave it out")
    if not tokens:
        raise UnreadableError(0, "the expression is empty; write one, such as amount / 2")


def _refuse_constant(sql: str, token: Token, after: Token | None) -> None:
    """Refuse texts and numbers that sqlglot and Spark could read in two ways."""
    kind, written = token.token_type.name, sql[token.start : token.end + 1]
    if kind in _OTHER_TEXTS:
        raise UnreadableError(token.start, f"{shown(written)} is no plain text; write 'a text'")
    if kind in _TEXTS:
        if after is not None and is_text(after):
            raise UnreadableError(after.start, "two texts side by side; write one")
        if kind == "STRING":
            for escape in _ESCAPE.finditer(written):
                if escape[1] not in _ESCAPED:
                    problem = (
                        f"{escape[0]} in a text; write the character itself, \\\\ for a "
                        "backslash, or r'a text' where nothing is special"
                    )
                    raise UnreadableError(token.start + escape.start(), problem)
    if kind == "NUMBER":
        digits = sum(letter.isdigit() for letter in token.text)
        has_suffix = after is not None and after.token_type.name == "DCOLON" and (
            after.start == token.start
        )  # fmt: skip
        if not _NUMBER.fullmatch(token.text) or (has_suffix and digits > _MOST_DIGITS_OF_A_SUFFIX):
            raise UnreadableError(token.start, f"{shown(written)} is no number; write it as 1.5")
