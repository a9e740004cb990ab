"""Versions decide what is computed again: a changed comment or docstring is no reason."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from expectations.contract import (
    AMOUNT,
    EVENT_DAY,
    EVENT_TIME,
    IS_FIRST,
    KNOWN_TIME,
    TRANSACTION_ID,
)
from pipelines.config.installation.settings import CHECKOUT
from pipelines.config.references import Snapshot, TableVersion
from pipelines.features.plan import plan_features
from tests.pipelines.banks import Bank, delivery
from tests.pipelines.features.test_training_set import AS_OF, TRAINING

PRODUCT = ("dags", "pipelines", "feature_jobs", "training", "expectations", "infra")
FINGERPRINTS = """
import json, sys
from pathlib import Path
import feature_jobs, pipelines, training
from pipelines.config.spec import load_spec
from pipelines.features.build import _request
from pipelines.features.plan import plan_features
from pipelines.features.training_set import build_training_table
from pipelines.config.references import Snapshot, TableVersion
from pipelines.lake.tables import Lake
from pipelines.modelling.inputs import pin, study_of

spec, root, snapshot, features, as_of = sys.argv[1:]
spec = load_spec(spec)
lake = Lake(root, spec=spec.name)
pinned = Snapshot.parse(snapshot)
plan = plan_features(spec, lake, pinned)
made = build_training_table(
    sys.argv[1], as_of, snapshot=pinned, features=TableVersion.parse(features)
)
print(json.dumps({
    "code": str(Path(pipelines.__file__).parents[1]),
    "docstring": pipelines.__doc__,
    "plan": plan.record.to_json(),
    "request": _request(plan, spec, lake, pinned).digest,
    "training set": lake.fingerprint(made),
    "model": pin(spec, made, lake=lake),
    "study": str(study_of(spec, made, lake=lake)),
}))
"""
WINDOW = """
[[features.windows]]
entity = "customer_id"
aggregates = ["count"]
windows = ["1d"]
"""
EVERY_KIND = """
[[features.conditions]]
name = "large"
sql = "amount > 20"
[[features.windows]]
entity = "customer_id"
measure = "amount"
where = "large"
aggregates = ["prior_mean"]
windows = ["2d"]
delay = "1d"
[[features.windows]]
entity = ["customer_id", "channel"]
aggregates = ["count"]
windows = ["1d"]
[[features.derived]]
name = "double"
sql = "amount * 2"
"""


def features_of(bank: Bank, snapshot: Snapshot) -> TableVersion:
    """A feature table whose only feature is 1 in every row."""
    columns = [TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, AMOUNT, "customer_id", "channel"]
    rows = bank.lake.read(snapshot.transactions)
    rows = rows.filter(rows[IS_FIRST]).select([*columns, EVENT_DAY])
    ones = pa.array([1] * rows.num_rows, pa.int64())
    rows = rows.add_column(len(columns), "customer_transaction_count_1d", ones)
    return bank.lake.write_days("features", rows, fingerprint=str(snapshot))


def copy_product(folder: Path) -> Path:
    for name in PRODUCT:
        ignored = shutil.ignore_patterns("__pycache__", ".*", "node_modules", "cdk.out")
        shutil.copytree(CHECKOUT / name, folder / name, ignore=ignored)
    return folder


def reword(folder: Path) -> int:
    """Change the docstring of every module, and add a comment at its end."""
    sources = sorted(folder.rglob("*.py"))
    for source in sources:
        text = source.read_text()
        if text.startswith('"""'):
            changed = text.replace('"""', '"""Other words. ', 1)
        else:
            changed = f'"""Other words."""\n{text}'
        source.write_text(f"{changed}\n# Another comment.\n")
        compile(source.read_text(), source, "exec")
    return len(sources)


@pytest.fixture
def bank(home: Path) -> Bank:
    return Bank(home, contract=TRAINING + WINDOW, known='known_time = "seen"')


def test_a_changed_docstring_in_every_module_computes_nothing_again(
    bank: Bank, tmp_path_factory: pytest.TempPathFactory
) -> None:
    done = bank.deliver(delivery(400))
    snapshot = Snapshot(done.transactions, done.labels)
    features = features_of(bank, snapshot)
    lake, own = Path(bank.lake.root), tmp_path_factory.mktemp("own")

    def fingerprints(code: Path) -> dict[str, object]:
        shutil.rmtree(own)  # each builds the training set in a lake without one, at one address
        shutil.copytree(lake, own / "lake" / lake.name)
        asked = [str(bank.toml), str(own / "lake"), str(snapshot), str(features), AS_OF]
        home = {"OVERNIGHT_HOME": str(own), "OVERNIGHT_LAKE": str(own / "lake")}
        ran = subprocess.run(
            [sys.executable, "-c", FINGERPRINTS, *asked],
            cwd=code,
            env=os.environ | home | {"PYTHONPATH": str(code)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        found = json.loads(ran.stdout.splitlines()[-1])
        assert found.pop("code") == str(code)
        return found

    original = copy_product(tmp_path_factory.mktemp("original"))
    reworded = copy_product(tmp_path_factory.mktemp("reworded"))
    assert reword(reworded) > 300
    before, after = fingerprints(original), fingerprints(reworded)
    assert before.pop("docstring") != after.pop("docstring")
    assert after == before


def test_a_renamed_name_in_the_code_defines_no_feature_anew(home: Path) -> None:
    """A definition's digest is in every feature table: another one computes the feature again."""
    bank = Bank(home, contract=TRAINING + EVERY_KIND, known='known_time = "seen"')
    done = bank.deliver(delivery(20))
    plan = plan_features(bank.spec, bank.lake, Snapshot(done.transactions, done.labels))
    found = {name: digest[:16] for name, digest in plan.record.definitions.items()}
    assert found == {
        "customer_large_amount_prior_mean_2d_delayed_1d": "7ebd43461fb76b94",
        "customer_channel_transaction_count_1d": "c9d64ec9eff35cef",
        "double": "f8119a645b68abe1",
    }
