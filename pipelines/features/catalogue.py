"""A catalogue of a spec's features: name, description, columns that it reads, null case.

Attributes of joined tables are listed too: a transaction's row does not say where they come from.
"""

from feature_jobs.declaration import describe_features
from pipelines.config import ModelSpec, load_spec


def list_features(reference: str) -> str:
    """List every feature with its description, the columns that it reads and its null case."""
    spec = load_spec(reference)
    lines = []
    for meaning in describe_features(spec.features):
        lines += [
            meaning.name,
            f"    {meaning.words}",
            f"    reads {', '.join(meaning.reads) or 'nothing'}",
            f"    {meaning.null}",
        ]
    lines += _describe_joined(spec)
    lines.append(f"{len(spec.features.feature_names())} features")
    return "\n".join(lines)


def _describe_joined(spec: ModelSpec) -> list[str]:
    lines = []
    for table in spec.source.tables:
        keys = ", ".join(table.key_columns())
        known = "with the transaction" if table.is_identity else "at the time of the transaction"
        for name, attribute in table.attributes.items():
            lines += [
                name,
                f"    {attribute.column} of the newest row of {table.name} that is known {known}",
                f"    reads {keys}",
                "    null without such a row",
            ]
    return lines
