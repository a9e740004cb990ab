"""Draws the import rules of pyproject.toml: layers from top to bottom, packages side by side."""

import html
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
WIDTH, ROW, GAP = 760, 34, 8
LETTER = 8.2  # width of a letter of the boxes' font


def read_layers(container: str = "") -> list[list[str]]:
    """Layers of a package, the highest first; those of the whole code base without a name.

    >>> read_layers()[0]
    ['pipelines']
    """
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in declared["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers" and contract.get("containers", [""]) == [container]:
            return [
                [name.strip(" ()") for name in layer.replace(":", "|").split("|")]
                for layer in contract["layers"]
            ]
    raise LookupError(f"pyproject.toml has no layers of {container or 'the whole'}.")


def draw_layers(layers: Sequence[Sequence[str]], label: str) -> str:
    """Layers as SVG: what stands higher may import what stands lower."""
    parts = []
    for number, names in enumerate(layers):
        y = number * (ROW + GAP)
        box = (WIDTH - GAP * (len(names) - 1)) / len(names)
        for place, name in enumerate(names):
            x = place * (box + GAP)
            size = min(14.0, 14 * box / (len(name) * LETTER + 8))
            parts.append(
                f'<rect class="box" x="{x:.0f}" y="{y + 1}" width="{box:.0f}" height="{ROW}" '
                f'rx="4"/>'
                f'<text x="{x + box / 2:.0f}" y="{y + 23}" text-anchor="middle" '
                f'style="font-size:{size:.1f}px">{html.escape(name)}</text>'
            )
    height = len(layers) * (ROW + GAP) + 2
    return (
        f'<div class="picture"><svg viewBox="-1 0 {WIDTH + 2} {height}" width="{WIDTH}" role="img" '
        f'aria-label="{html.escape(label)}">{"".join(parts)}</svg></div>'
    )


def render(container: str = "") -> str:
    """Draw the layers of a package; without a name, of all."""
    of = f" of {container}" if container else ""
    return draw_layers(read_layers(container), f"Packages{of} from top to bottom; imports go down")
