"""The files that production starts from: settings that Airflow knows, and no secret among them."""

import os
import subprocess
import sys

from infra.airflow.environment import POOLS, build_airflow_environment
from pipelines.config.installation.settings import DAGS
from tests.production.rig import read_settings_file

SETTINGS = POOLS.with_name("production.env")
SECRET = ("PASSWORD", "SECRET", "KEY", "CONN")
PROGRAM = """
import os
from airflow.configuration import conf
for name in sorted(os.environ):
    if name.startswith("AIRFLOW__"):
        section, key = name.removeprefix("AIRFLOW__").lower().split("__")
        print(name, key in conf.configuration_description.get(section, {}).get("options", {}))
"""


def test_every_setting_is_one_of_airflows(tmp_path) -> None:
    settings = read_settings_file(SETTINGS)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW")}
    environment = build_airflow_environment(kept | settings, home=tmp_path, dags=DAGS, port=8080)
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    known = dict(line.split() for line in ran.stdout.splitlines())
    ours = {name for name in settings if name.startswith("AIRFLOW")}
    assert ours <= known.keys()
    assert [name for name, is_known in known.items() if is_known != "True"] == []


def test_no_setting_is_a_secret() -> None:
    named = read_settings_file(SETTINGS).keys()
    assert [n for n in named if any(part in n.split("__")[-1].split("_") for part in SECRET)] == []
