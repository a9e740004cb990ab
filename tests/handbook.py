"""Where the Fraud Detection Handbook's published transactions are, if they are there."""

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PATH = Path(
    os.environ.get("OVERNIGHT_HANDBOOK", CHECKOUT.parent / "shared/handbook/transactions.parquet")
)

ABSENT = f"the Handbook's transactions are not at {PATH}; set OVERNIGHT_HANDBOOK to the file"
needs_handbook = pytest.mark.skipif(not PATH.is_file(), reason=ABSENT)  # not a part of this project
