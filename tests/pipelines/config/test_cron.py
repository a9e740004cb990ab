"""When a spec's DAGs start: what Airflow takes, and nothing else."""

import pytest
from airflow.timetables.interval import CronDataIntervalTimetable

from pipelines.config.cron import PRESETS, check_cron

GOOD = [
    "0 2 * * *", "*/15 * * * *", "0 2 * * mon-fri", "0 2 L * *", "0 2 * * 1#2", "5,35 0-6 1 JAN *",
    "  0  2 * *  * ", *PRESETS,
]  # fmt: skip
BAD = [
    "", "0 2 * *", "0 2 * * * *", "0 2 * * * * *", "99 2 * * *", "0 2 30 2 *", "0 24 * * *",
    "every night", "@once", "@continuous", "@nightly", "H 2 * * *", "R 2 * * *", "R(0-5) 2 * * *",
    "0 2 * * *; rm", "0 2 * * 1#6", "-1 2 * * *", "0 2 * * monday", "1.5 2 * * *", "0 2 * * \x00",
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_what_airflow_takes_is_taken(text: str) -> None:
    assert check_cron(text) == text
    CronDataIntervalTimetable(text, "UTC").validate()


@pytest.mark.parametrize("text", BAD)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"it (has|s|names)|its "):
        check_cron(text)
