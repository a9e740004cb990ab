"""What stands behind the question mark of a spec's reference: changes for one run.

`demo?training.trials=5&features.add=…`: values are TOML, percent-encoded where they hold a `&`;
`features.add` appends features to those declared. What they may change is how a model is made and
judged. Where data come from, who may approve and on what a model is served is the file's alone.
"""

from typing import cast
from urllib.parse import unquote

from expectations.contract.toml_file import parse_toml

MAX_LETTERS = 65_536
SHOWN = 200
FEATURES_ADDED = "features.add"
# The sections of a spec that one run may change.
SECTIONS = ("contract", "features", "gate", "training")


def is_changed(reference: str) -> bool:
    """Whether a reference changes anything of its spec: what it makes is an experiment.

    >>> is_changed("demo?training.trials=5"), is_changed("demo")
    (True, False)
    """
    return bool(reference.partition("?")[2])


def apply_overrides(declared: dict[str, object], overrides: str) -> list[str]:
    """Change what a spec declares, in place.

    Args:
        declared: the spec's tables, as TOML gives them.
        overrides: `section.key=value`, joined by `&`; empty: nothing.

    Returns:
        What is wrong with them.
    """
    if len(overrides) > MAX_LETTERS:
        return [f"overrides: {len(overrides):,} characters; give at most {MAX_LETTERS:,}"]
    problems, given = [], set[str]()
    for item in filter(None, overrides.split("&")):
        key, equals, quoted = item.partition("=")
        text = unquote(quoted)  # so that a value may hold & and more lines
        if not equals or not key:
            problems.append(f"override {_quoted(item)}: write it as section.key=value")
            continue
        if key == FEATURES_ADDED:
            problems += _add_features(declared, text)
            continue
        *sections, last = key.split(".")
        if (sections or [last])[0] not in SECTIONS:
            problems.append(
                f"override {_quoted(key)}: one run may change {', '.join(SECTIONS)}; anything else "
                "is changed in the file of the spec"
            )
            continue
        if key in given:
            problems.append(f"override {_quoted(item)}: {_cut(key)} is given twice; keep one")
        given.add(key)
        try:
            value: object = parse_toml(f"value = {text}")["value"]
        except ValueError:
            value = text
        table: dict[str, object] = declared
        for section in sections:
            inner = table.setdefault(section, {})
            if not isinstance(inner, dict):
                problems.append(f"override {_quoted(item)}: {_cut(section)} is not a section")
                break
            table = cast("dict[str, object]", inner)
        else:
            table[last] = value
    return problems


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _quoted(text: str) -> str:
    return repr(_cut(text))


def _add_features(declared: dict[str, object], text: str) -> list[str]:
    """Append what a piece of TOML declares under `features` to what the spec does."""
    try:
        added = parse_toml(text)
    except ValueError as error:
        return [f"{FEATURES_ADDED}: not TOML: {error}; mend that line"]
    given = added.pop("features", None)
    if added or not isinstance(given, dict) or not all(isinstance(v, list) for v in given.values()):
        return [f"{FEATURES_ADDED}: write [[features.windows]], [[features.derived]] and the like"]
    features = declared.setdefault("features", {})
    if isinstance(features, dict):
        for kind, items in given.items():
            features[kind] = [*features.get(kind, []), *items]
    return []
