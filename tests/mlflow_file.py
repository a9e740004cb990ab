"""An MLflow file without runs, made once for all tests of a process: its tables take seconds."""

import functools
import tempfile
import warnings
from pathlib import Path

from infra.tracking.database import make_tracking


def write_mlflow_file(home: Path) -> None:
    """Give a home the file of runs and models that its first use would make."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "mlflow.db"
    path.touch(mode=0o600)
    path.write_bytes(_content())


@functools.cache
def _content() -> bytes:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # Until MLflow's mappers are free of what SQLAlchemy deprecates.
        warnings.filterwarnings("ignore", "The ``noload`` loader strategy")
        path = Path(folder) / "mlflow.db"
        with warnings.catch_warnings():
            # Until MLflow's own code is free of what SQLAlchemy deprecates.
            warnings.filterwarnings("ignore", "The ``noload`` loader strategy")
            make_tracking(f"sqlite:///{path}")
        return path.read_bytes()
