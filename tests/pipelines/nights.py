"""A small spec with a training set in a lake, and the steps behind it: real tuning, real MLflow."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines import steps
from pipelines.config.installation.settings import load_settings
from pipelines.config.spec import load_spec
from pipelines.lake.tables import Lake
from pipelines.tracking.registry import Registry, open_registry
from tests.mlflow_file import write_mlflow_file
from tests.training.frames import make_rows

# Until MLflow's own code is free of what its libraries deprecate.
QUIET = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
    pytest.mark.filterwarnings("ignore::Warning:mlflow"),
]

SPEC = """
[source]
path = "none.parquet"
[source.roles]
transaction_id = "id"
event_time = "at"
amount = "amt"
[source.entities]
customer_id = "cust"
[source.attributes]
channel = { column = "channel", kind = "categorical" }
count_7d = { column = "count", kind = "numeric" }
[labels]
column = "fraud"
delay = "2d"
maturity = "2d"
[training]
train_window = "14d"
gap = "2d"
test_window = "7d"
folds = 2
trials = 2
lightgbm = { members = 2 }
exclude_detected = "customer_id"
exclude_window = "1d"
"""
AS_OF = "2025-02-10"
# Who runs the tests makes the candidates too.
ALONE = "\n[approval]\nfour_eyes = false\n"


def variant(path: Path, replaced: Mapping[str, str], more: str = "") -> str:
    """Another file of the same spec, with texts replaced and more behind; its path."""
    text = path.read_text()
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    text += more
    folder = path.parent / f"variant-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    folder.mkdir(exist_ok=True)
    (folder / path.name).write_text(text)
    return str(folder / path.name)


class Night:
    """A spec with a training set, and the steps behind it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "cards.toml"
        self.path.write_text(SPEC)
        self.spec = load_spec(str(self.path))
        rows = make_rows(12_000)
        days = pa.array([f"{t:%Y-%m-%d}" for t in rows["event_time"].to_pylist()])
        self.rows = rows.append_column("event_day", days).append_column(
            "known_time", rows["event_time"]
        )
        self.lake = Lake(str(folder / "lake"), spec="cards")
        self.training_set = str(
            self.lake.write_days("training_sets", self.rows, fingerprint="made")
        )

    def reference(self, **overrides: object) -> str:
        listed = "&".join(f"{key.replace('__', '.')}={value}" for key, value in overrides.items())
        return f"{self.path}?{listed}" if listed else str(self.path)

    def declare(self, more: str) -> None:
        """Add sections to the spec."""
        self.path.write_text(self.path.read_text() + more)
        self.spec = load_spec(str(self.path))

    def candidate(self, **overrides: object) -> str:
        """Tune, train, evaluate; returns the run."""
        return candidate(self.reference(**overrides), AS_OF, self.training_set)

    @property
    def registry(self) -> Registry:
        return open_registry(self.spec)


def candidate(reference: str, as_of: str, training_set: str) -> str:
    """Tune, train, evaluate; returns the run."""
    study = steps.tune(reference, as_of, training_set)
    run = steps.train(reference, as_of, training_set, study)
    return steps.evaluate(reference, as_of, training_set, run)


def write_later_set(lake: Lake, rows: pa.Table, *, as_of: str) -> str:
    """The training set of a later night: as many days less at its beginning as it is later."""
    later = (date.fromisoformat(as_of) - date.fromisoformat(AS_OF)).days
    days = sorted(set(rows["event_day"].to_pylist()))
    kept = rows.filter(pc.greater_equal(rows["event_day"], days[later]))
    return str(lake.write_days("training_sets", kept, fingerprint=as_of, empty_days=days[:later]))


def ask_aws_once(patch: pytest.MonkeyPatch) -> None:
    """Spare the pauses between five attempts, some eight seconds, where nothing of AWS answers."""
    patch.setattr("infra.sagemaker.connection.MAX_ATTEMPTS", 1)


@contextlib.contextmanager
def installed(folder: Path) -> Iterator[Night]:
    """A night in an installation of its own, for as long as the block lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERNIGHT_HOME", str(folder))
        for name in ("OVERNIGHT_LAKE", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        ask_aws_once(patch)
        load_settings.cache_clear()
        write_mlflow_file(folder)
        yield Night(folder)
    load_settings.cache_clear()
