"""A catalogue of a spec's features: name, description, columns that it reads, null case."""

from feature_jobs.declaration import describe_features
from pipelines.config import load_spec


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
    lines.append(f"{len(spec.features.feature_names())} features")
    return "\n".join(lines)
