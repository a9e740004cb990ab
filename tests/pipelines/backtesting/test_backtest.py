"""A backtest reads the lake and writes nothing there; its runs are no models of a night."""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from expectations.contract import InputError
from pipelines import steps
from pipelines.backtesting.backtest import run_backtest
from pipelines.cli.compare import compare_runs
from pipelines.cli.latest import latest_run
from pipelines.config.installation.settings import load_settings
from pipelines.config.spec import load_spec
from pipelines.features.catalogue import list_features
from pipelines.simulation.delivery import simulate_files
from pipelines.steps.chain import run_nightly
from pipelines.tracking.registry import Registry, open_registry
from tests.crashes import bank
from tests.mlflow_file import write_mlflow_file
from tests.pipelines.nights import QUIET, ask_aws_once

pytestmark = QUIET

AS_OF, BACK, WEEKS = "2025-02-10", "2025-02-09", 2


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory, one_spark: None) -> Iterator[str]:  # noqa: ARG001
    """A spec after one night whose model is registered."""
    folder = tmp_path_factory.mktemp("backtest")
    start = datetime(2025, 1, 1, tzinfo=UTC)
    simulate_files(folder, start=start, days=40, customers=400, seed=7)
    path = bank.write_spec(folder, "cards")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERNIGHT_HOME", str(folder / "home"))
        patch.setenv("OVERNIGHT_SPARK", "local[1]")
        for name in ("OVERNIGHT_LAKE", "MLFLOW_TRACKING_URI", "OVERNIGHT_STUDIES"):
            patch.delenv(name, raising=False)
        ask_aws_once(patch)
        load_settings.cache_clear()
        write_mlflow_file(folder / "home")
        for _ in run_nightly(str(path), AS_OF):
            pass
        yield str(path)
    load_settings.cache_clear()


def contents(folder: Path) -> Mapping[str, str]:
    """Every file below a folder, by its bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def production() -> Mapping[str, object]:
    """What nights left: the lake, the pages, the studies, every model and its run in MLflow."""
    home = load_settings().home
    with sqlite3.connect(home / "studies.db") as studies:
        trials = studies.execute("select * from trials order by trial_id").fetchall()
    query = (
        "select * from {table} where run_uuid not in "
        "(select run_uuid from tags where key = 'overnight.kind' and value = 'backtest')"
    )
    with sqlite3.connect(home / "mlflow.db") as mlflow:
        held = {
            table: sorted(map(repr, mlflow.execute(query.format(table=table)).fetchall()))
            for table in ("runs", "tags", "params", "metrics")
        }
        held["versions"] = mlflow.execute("select * from model_versions").fetchall()
        held["aliases"] = mlflow.execute("select * from registered_model_aliases").fetchall()
    return {
        "lake": contents(home / "lake"),
        "pages": contents(home / "data_docs"),
        "artefacts": contents(home / "mlruns"),
        "trials": trials,
        **held,
    }


def backtests(registry: Registry) -> list[str]:
    """Ids of its runs, oldest first."""
    import mlflow

    found = mlflow.search_runs(
        experiment_names=[registry.spec],
        filter_string="tags.`overnight.kind` = 'backtest'",
        order_by=["attributes.start_time"],
        output_format="list",
    )
    return [run.info.run_id for run in found]


def test_a_backtest_changes_nothing_that_a_night_made(spec: str) -> None:
    before, told = production(), steps.status(spec)
    shown = run_backtest(spec, BACK, weeks=WEEKS).splitlines()
    assert [line.split()[0] for line in shown] == ["as", "2025-02-02", "2025-02-09", "mean"]
    assert shown[0].split()[2:] == [
        "test_average_precision", "test_auc", "test_recall_at_0_1pct_fpr",
        "test_card_precision_at_20",
    ]  # fmt: skip
    after = production()
    assert {name: after[name] == before[name] for name in before} == dict.fromkeys(before, True)
    # "Last night" is still the night's run, and so is what a step takes without being told.
    assert steps.status(spec) == told
    night = open_registry(load_spec(spec)).get("1").run
    assert latest_run(spec) == f"runs:/{night}"

    # Done again it says the same and adds no run.
    registry = open_registry(load_spec(spec))
    runs = backtests(registry)
    assert run_backtest(spec, BACK, weeks=WEEKS).splitlines() == shown
    assert backtests(registry) == runs
    assert len(runs) == WEEKS


def test_figures_are_those_of_a_night_as_of_the_date(spec: str) -> None:
    """The night's own date: the same rows, policy and seed, so the same model and metrics."""
    run_backtest(spec, AS_OF, weeks=1)
    registry = open_registry(load_spec(spec))
    night = registry.runs.metrics(registry.get("1").run)
    tested = registry.runs.metrics(backtests(registry)[-1])
    common = tested.keys() & night.keys()
    assert {"test_average_precision", "baseline_auc", "test_auc_low"} <= common
    assert {name: tested[name] for name in common} == {name: night[name] for name in common}


def test_no_step_takes_a_backtest_for_a_model_and_compare_names_it(spec: str) -> None:
    registry = open_registry(load_spec(spec))
    run, as_of = backtests(registry)[0], registry.runs.tags(backtests(registry)[0])
    with pytest.raises(InputError, match="is a backtest, not a model"):
        steps.register(spec, as_of["overnight.as_of"], f"runs:/{run}")
    with pytest.raises(InputError, match="is a backtest, not a model"):
        steps.evaluate(spec, AS_OF, "training_sets@v1", f"runs:/{run}")
    assert "test_auc" in compare_runs(spec, ["1", f"runs:/{run}"])
    # A night as of the same date makes a run of its own.
    *_, last = run_nightly(spec, BACK, ask="no")
    night = last.split()[1].removeprefix("runs:/")
    assert registry.runs.tags(night)["overnight.kind"] == "model"


def test_features_that_are_not_in_the_lake_are_built_apart(spec: str) -> None:
    before = contents(load_settings().home / "lake")
    added = "[[features.windows]]\nentity = 'terminal_id'\naggregates = ['count']\nwindows = ['3d']"
    more = f"features.add={quote(added)}"
    assert list_features(f"{spec}?{more}") != list_features(spec)
    assert "mean" in run_backtest(f"{spec}?{more}", BACK, weeks=1)
    assert contents(load_settings().home / "lake") == before


def test_without_data_the_step_to_run_is_named(spec: str) -> None:
    empty = Path(spec).with_name("empty.toml")
    empty.write_text(Path(spec).read_text())
    with pytest.raises(InputError, match="holds no data of empty yet"):
        run_backtest(str(empty), BACK, weeks=1)
