"""A bank so small that a step takes a second or two, and the chain of steps over it."""

from collections.abc import Mapping
from pathlib import Path

from pipelines.config.spec import SPECS

AS_OF = "2025-01-27"
CHANGES = {
    "train_window": '"10d"', "gap": '"2d"', "test_window": '"4d"', "folds": "1", "trials": "3",
    "maturity": '"2d"', "min_rows_per_day": "20", "max_fraud_rate": "0.2",
}  # fmt: skip


def write_spec(
    folder: Path, name: str = "crash", delivered: str = "", changes: Mapping[str, str] | None = None
) -> Path:
    """The spec in a folder, over what was delivered beside it or at an address, with changes."""
    text = declare(delivered or str(folder)) + "\n[approval]\nfour_eyes = false\n"
    for old, new in (changes or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def declare(delivered: str) -> str:
    """The demo's spec with windows and counts that fit, over what was delivered at an address."""
    text = (SPECS / "demo.toml").read_text(encoding="utf-8")
    lines = text.replace("${OVERNIGHT_HOME}/demo", delivered).splitlines()
    # The date that the demo's form proposes is not this bank's.
    lines = [line for line in lines if not line.startswith("as_of = ")]
    for number, line in enumerate(lines):
        key = line.partition(" = ")[0]
        if key in CHANGES:
            lines[number] = f"{key} = {CHANGES[key]}"
    return "\n".join(lines).replace(
        "[training]", "[training]\nlightgbm = { members = 1 }\nthreads = 1"
    )


def deliver(folder: Path) -> None:
    """26 days of 150 customers."""
    from datetime import UTC, datetime

    from pipelines.simulation.delivery import simulate_files

    start = datetime(2025, 1, 1, tzinfo=UTC)
    simulate_files(folder, start=start, days=26, customers=150, seed=7)
