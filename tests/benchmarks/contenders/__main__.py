"""`python -m tests.benchmarks.contenders NAME SOURCE TARGET WINDOW…`: one contender, once."""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from expectations.contract import parse_duration
from tests.benchmarks.contenders import MODULES


def main(arguments: Sequence[str]) -> None:
    name, source, target, *windows = arguments
    # When memory runs out it is this process that the kernel should end, and nobody else's.
    Path("/proc/self/oom_score_adj").write_text("1000")
    module = import_module(f"tests.benchmarks.contenders.{MODULES[name]}")
    module.run(Path(source), Path(target), windows=[parse_duration(w) for w in windows])


if __name__ == "__main__":
    main(sys.argv[1:])
