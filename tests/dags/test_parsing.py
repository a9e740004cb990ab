"""What a DAG file loads when it is parsed: the scheduler does that every few seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DAGS = Path(__file__).parents[2] / "dags"
HEAVY = {
    "boto3", "deltalake", "great_expectations", "lightgbm", "mlflow", "numba", "optuna", "pandas",
    "pyarrow", "pyspark", "sagemaker", "sklearn",
}  # fmt: skip

# Airflow itself may load some of these; what counts is what the file adds to a bare import.
PROGRAM = """
import json, runpy, sys
import airflow.sdk
before = set(sys.modules)
runpy.run_path(sys.argv[1])
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


@pytest.mark.parametrize("file", sorted(DAGS.glob("*.py")), ids=lambda path: path.stem)
def test_no_dag_file_loads_a_heavy_library(file: Path, tmp_path: Path) -> None:
    environment = os.environ | {"AIRFLOW_HOME": str(tmp_path), "OVERNIGHT_HOME": str(tmp_path)}
    environment |= {"AIRFLOW__CORE__LOAD_EXAMPLES": "false"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(file)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    loaded = set(json.loads(ran.stdout.splitlines()[-1]))
    assert "pipelines" in loaded or "load_catalogue" not in file.read_text(encoding="utf-8")
    assert not loaded & HEAVY
