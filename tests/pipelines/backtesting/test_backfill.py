"""Nights of the past, run later: each gives what it would have given, and takes nobody's place."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from expectations.contract import ProblemsError
from pipelines import steps
from pipelines.config.installation import settings
from pipelines.config.references import TableVersion
from pipelines.config.spec import load_spec
from pipelines.governance.digests import open_decisions
from pipelines.lake.tables import Lake
from pipelines.tracking.registry import open_registry
from pipelines.tracking.runs import DIGEST
from tests.mlflow_file import write_mlflow_file
from tests.pipelines.nights import ALONE, AS_OF, QUIET, installed

pytestmark = QUIET

START, DAYS, A_DAY = datetime(2025, 1, 1, tzinfo=UTC), 34, 120
NIGHTS = ("2025-01-31", "2025-02-01", "2025-02-03")
CORRECTED = 20 * A_DAY  # of day 20, which every night trains on
SPEC = """
[source]
path = "{path}"
[source.roles]
transaction_id = "id"
event_time = "at"
known_time = "seen"
amount = "amt"
[source.entities]
customer_id = "cust"
[labels]
column = "fraud"
delay = "2d"
maturity = "2d"
[[features.windows]]
entity = "customer_id"
aggregates = ["count"]
windows = ["1d", "7d"]
[[features.windows]]
entity = "customer_id"
measure = "is_fraud"
aggregates = ["count"]
windows = ["7d"]
[training]
train_window = "14d"
gap = "2d"
test_window = "5d"
folds = 1
trials = 1
lightgbm = {{ members = 1 }}
"""


def write_rows(path: Path, *, until: str, corrected: str = "") -> None:
    """What had arrived by a night; one row in twenty arrives half a day late.

    With `corrected`, the row of `CORRECTED` comes as it was put right at that time.
    """
    chance = np.random.default_rng(5)
    count = DAYS * A_DAY
    seconds = np.sort(chance.uniform(0, DAYS * 86_400, count)).round()
    late = np.where(chance.random(count) < 0.05, 43_200, 0)
    amount = np.round(chance.lognormal(3, 1, count), 2)
    moments = [
        [START + timedelta(seconds=float(s)) for s in at] for at in (seconds, seconds + late)
    ]
    rows = pa.table(
        {
            "id": np.arange(count),
            "at": pa.array(moments[0], pa.timestamp("us", tz="UTC")),
            "seen": pa.array(moments[1], pa.timestamp("us", tz="UTC")),
            "cust": chance.integers(0, 150, count),
            "amt": amount,
            "fraud": (chance.random(count) < np.where(amount > 50, 0.5, 0.01)).astype(np.int8),
        }
    )
    if corrected:
        changed = rows.slice(CORRECTED, 1).to_pylist()[0]
        changed |= {
            "amt": changed["amt"] + 1,
            "seen": datetime.fromisoformat(corrected).replace(tzinfo=UTC),
        }
        others = [rows.slice(0, CORRECTED), rows.slice(CORRECTED + 1)]
        rows = pa.concat_tables([*others, pa.Table.from_pylist([changed], rows.schema)])
    end = pa.scalar(datetime.fromisoformat(until).replace(tzinfo=UTC), rows["seen"].type)
    pq.write_table(rows.filter(pc.less(rows["seen"], end)), path)


class Rig:
    """Installations that read one file of deliveries."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch, self.file = folder, patch, folder / "rows.parquet"
        (folder / "bank.toml").write_text(SPEC.format(path=self.file))
        patch.setenv("OVERNIGHT_SPECS", str(folder))

    def enter(self, home: str) -> None:
        self._patch.setenv("OVERNIGHT_HOME", str(self._folder / home))
        if not (self._folder / home / "mlflow.db").exists():
            write_mlflow_file(self._folder / home)
        settings.load_settings.cache_clear()

    def night(self, as_of: str) -> tuple[str, str]:
        """The chain up to the model: hash of the training rows, digest of the bundle."""
        snapshot = steps.validate("bank", as_of, steps.ingest("bank", as_of))
        features = steps.build_features("bank", as_of, snapshot)
        training_set = steps.build_training_set("bank", as_of, snapshot, features)
        study = steps.tune("bank", as_of, training_set)
        run = steps.train("bank", as_of, training_set, study)
        spec = load_spec("bank")
        lake = Lake(settings.load_settings().lake, spec=spec.name)
        tags = open_registry(spec).runs.tags(run.removeprefix("runs:/"))
        return lake.content_hash(TableVersion.parse(training_set)), tags[DIGEST]

    def trained_on(self) -> set[int]:
        """The ids of the newest training rows."""
        lake = Lake(settings.load_settings().lake, spec="bank")
        at = lake.latest("training_sets")
        return set(lake.read(at, columns=["transaction_id"])["transaction_id"].to_pylist())


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, one_spark: None) -> Iterator[Rig]:  # noqa: ARG001
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERNIGHT_SPARK", "local[2]")
        for name in ("OVERNIGHT_LAKE", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        yield Rig(tmp_path_factory.mktemp("backfill"), patch)
    settings.load_settings.cache_clear()


@pytest.fixture(scope="module")
def given(rig: Rig) -> tuple[Mapping[str, object], ...]:
    """What each night gave alone, with what had arrived by then; and what a backfill gave."""
    alone = {}
    for as_of in NIGHTS[:2]:
        write_rows(rig.file, until=as_of)
        rig.enter(as_of)
        alone[as_of] = rig.night(as_of)
    write_rows(rig.file, until="2025-02-03")
    rig.enter("later")
    return alone, {as_of: rig.night(as_of) for as_of in reversed(NIGHTS)}


def test_a_backfill_gives_what_each_night_gave(given) -> None:
    alone, later = given
    assert {as_of: later[as_of] for as_of in alone} == alone
    assert len(set(later.values())) == len(NIGHTS)


def test_a_night_that_ran_gives_its_model_again_after_more_was_delivered(rig: Rig, given) -> None:
    alone, _ = given
    write_rows(rig.file, until="2025-02-03")
    rig.enter(NIGHTS[0])
    assert rig.night(NIGHTS[0]) == alone[NIGHTS[0]]


def test_a_row_that_was_corrected_since_is_missing_in_a_night_before_its_correction(
    rig: Rig, given
) -> None:
    alone, _ = given
    rig.enter(NIGHTS[0])
    known_then = rig.trained_on()
    write_rows(rig.file, until="2025-02-03", corrected="2025-02-02")
    rig.enter("corrected")
    assert rig.night(NIGHTS[0]) != alone[NIGHTS[0]]
    assert known_then - rig.trained_on() == {CORRECTED}


def test_a_night_of_the_past_takes_no_place_from_a_newer_one(tmp_path: Path) -> None:
    small = {"training__trials": 1, "training__lightgbm__members": 1}
    with installed(tmp_path) as night:
        night.declare(ALONE)
        registry, reference = night.registry, night.reference(**small)
        newer = registry.get(steps.register(reference, AS_OF, night.candidate(**small)))
        assert registry.aliases() == {"challenger": newer.number}
        # The same rows, as a backfill of the day before would have registered them.
        run = night.candidate(**small, training__seed=3)
        registry.runs.tag(run.removeprefix("runs:/"), {"overnight.as_of": "2025-02-09"})
        older = steps.register(night.reference(**small, training__seed=3), "2025-02-09", run)
        assert registry.aliases() == {"challenger": newer.number}
        chain = open_decisions(night.spec, registry).load()
        assert chain.registration(2).gate == (
            f"{newer} is a candidate as of 2025-02-10, which knows more than one as of 2025-02-09"
        )
        with pytest.raises(ProblemsError, match="which knows more"):
            steps.approve(night.reference(), older, "an oversight")
        steps.approve(night.reference(), older, "a choice", "the newest days are wrong")
        assert registry.aliases()["approved"] == 2
