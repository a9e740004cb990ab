"""Which code computes features: its digest is part of what a feature table was made from."""

import hashlib
from functools import cache
from pathlib import Path

from expectations import contract


@cache
def engine_digest() -> str:
    """SHA-256 of the code that computes features, and of the contract that it is written to."""
    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(contract.__file__)]
    digest = hashlib.sha256()
    for path in files:
        digest.update(b"%s\0%s\0" % (path.name.encode(), path.read_bytes()))
    return digest.hexdigest()
