"""Overrides behind the question mark of a spec's reference: changes for one run.

`demo?training.trials=5&features.add=…`: values are TOML, percent-encoded where they hold a `&` or
a `%`; a `+` stands for itself, as in `1e+5`. `features.add` appends features to those declared.
Overrides may change how a model is made and evaluated. The source of the data, the rules of
approval and the endpoint are changed in the file only.
"""

from collections.abc import Sequence
from typing import cast
from urllib.parse import parse_qsl

from expectations.contract.toml_file import parse_toml

MAX_LETTERS = 65_536
SHOWN = 200
FEATURES_ADDED = "features.add"
# The sections of a spec that one run may change.
SECTIONS = ("contract", "features", "gate", "training")


def is_changed(reference: str) -> bool:
    """Return True if a reference changes anything of its spec, so that its run is an experiment.

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
        The problems of the overrides.
    """
    if len(overrides) > MAX_LETTERS:
        return [f"overrides: {len(overrides):,} characters; give at most {MAX_LETTERS:,}"]
    items = [item for item in overrides.split("&") if item]
    problems = [
        f"override {_quoted(item)}: write it as section.key=value"
        for item in items
        if "=" not in item
    ]
    complete = "&".join(item for item in items if "=" in item).replace("+", "%2B")
    given = set[str]()
    for key, text in parse_qsl(complete, keep_blank_values=True):
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
            problems.append(f"override {_quoted(text)}: {_cut(key)} is given twice; keep one")
        given.add(key)
        if obstacle := _assign(declared, sections, last, _parse_value(text)):
            problems.append(f"override {_quoted(key)}: {_cut(obstacle)} is not a section")
    return problems


def _parse_value(text: str) -> object:
    """Return a value of TOML; a text that is none stands for itself."""
    try:
        value: object = parse_toml(f"value = {text}")["value"]
    except ValueError:
        return text
    return value


def _assign(table: dict[str, object], sections: Sequence[str], last: str, value: object) -> str:
    """Set a key in nested sections; returns the first of them that is a value, or nothing."""
    for section in sections:
        inner = table.setdefault(section, {})
        if not isinstance(inner, dict):
            return section
        table = cast("dict[str, object]", inner)
    table[last] = value
    return ""


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _quoted(text: str) -> str:
    return repr(_cut(text))


def _add_features(declared: dict[str, object], text: str) -> list[str]:
    """Append what a piece of TOML declares under `features` to what the spec does."""
    try:
        added = parse_toml(text)
    except ValueError as error:
        return [f"{FEATURES_ADDED}: not TOML: {error}; fix that line"]
    given = added.pop("features", None)
    if added or not isinstance(given, dict) or not all(isinstance(v, list) for v in given.values()):
        return [f"{FEATURES_ADDED}: write [[features.windows]], [[features.derived]] and the like"]
    features = declared.setdefault("features", {})
    if isinstance(features, dict):
        for kind, items in given.items():
            features[kind] = [*features.get(kind, []), *items]
    return []
