"""The tables of the variables of the environment."""

from pipelines.config.installation import UNSET, VARIABLE_GROUPS


def render() -> str:
    """Write a heading and a table for each group of variables."""
    parts = []
    for title, variables in VARIABLE_GROUPS.items():
        rows = [
            f"| `{v.name}` | {v.kind} | {v.default if v.default == UNSET else f'`{v.default}`'} "
            f"| {v.meaning} |"
            for v in variables
        ]
        head = ["| variable | type | default | meaning |", "|---|---|---|---|"]
        parts.append("\n".join([f"## {title}", "", *head, *rows]))
    return "\n\n".join(parts)
