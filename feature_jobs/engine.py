"""Which code computes features: its digest is part of what a feature table was made from."""

import hashlib
from functools import cache
from pathlib import Path


@cache
def engine_digest() -> str:
    """SHA-256 of the code that computes features."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
