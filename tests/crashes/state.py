"""What an installation holds, without what no two runs share: times, ids, and paths of its own.

Two runs that end with equal states gave the same tables, models, versions, decisions and trials,
and left nothing else behind.
"""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

SPEC = "crash"
# Of the time of a run, and of the machine.
CHANGING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.+Z-]+")
DROPPED = {"overnight.code_revision", "mlflow.user", "mlflow.source.name", "mlflow.runName"}
RECORDS = ("decisions", "trained")
# These may be deleted at any time, or hold pages for people under names with times in them.
PASSED_OVER = ("scratch", "data_docs", "demo", "lake")


def describe(home_text: str) -> dict[str, Any]:
    """The state of a home, as it is when a later night has swept it."""
    home = Path(home_text)
    _sweep(home)
    names = dict(_names(home))
    found = {
        "tables": {t.name: _table(home, t.name) for t in sorted(home.glob(f"lake/{SPEC}/*"))},
        "decisions": _decisions(home),
        "trained": _trained(home),
        "studies": _studies(home / "studies.db"),
        **_registry(home / "mlflow.db"),
        "spilled": sorted(path.name for path in home.glob("scratch/spark/*")),
        "checked": sorted(p.parent.name for p in home.glob(f"data_docs/{SPEC}/*/*/summary.json")),
        "files": sorted(_files(home)),
    }
    text = json.dumps(found, sort_keys=True)
    for name, kind in names.items():
        text = text.replace(name, kind)
    text = text.replace(str(home), "HOME")
    result: dict[str, Any] = json.loads(text)
    for listed in ("runs", "files", "models"):
        result[listed] = sorted(result[listed], key=str)
    return result


def _sweep(home: Path) -> None:
    from feature_jobs.executors.spark.session import remove_orphan_spills
    from pipelines.lake.tables import Lake
    from pipelines.lake.vacuum import PATIENCE, vacuum_tables

    later = datetime.now(UTC) + PATIENCE + timedelta(hours=1)
    vacuum_tables(Lake(str(home / "lake"), spec=SPEC), now=later)
    remove_orphan_spills(home / "scratch" / "spark", now=later.timestamp())


def differences(expected: Any, found: Any, *, where: str = "") -> Iterator[str]:
    """Where two states are not alike."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted({*expected, *found}):
            yield from differences(expected.get(key), found.get(key), where=f"{where}/{key}")
    elif isinstance(expected, list) and isinstance(found, list):
        left = list(found)
        missing = [item for item in expected if item not in left or left.remove(item)]
        for number, (one, other) in enumerate(zip(missing, left, strict=False)):
            yield from differences(one, other, where=f"{where}[{number}]")
        yield from (f"{where}: lacks {_short(item)}" for item in missing[len(left) :])
        yield from (f"{where}: has besides {_short(item)}" for item in left[len(missing) :])
    elif expected != found:
        yield f"{where}: {_short(found)} instead of {_short(expected)}"


def _short(value: Any) -> str:
    return str(value)[:600]


def _table(home: Path, name: str) -> dict[str, Any]:
    from deltalake import DeltaTable

    from pipelines.lake.tables import Lake

    lake, folder = Lake(str(home / "lake"), spec=SPEC), home / "lake" / SPEC / name
    at = lake.latest(name)
    if at is None:
        return {"problem": "no Delta table"}
    named = {
        part
        for version in range(at.version + 1)
        for part in DeltaTable(str(folder), version=version).file_uris()
    }
    stray = [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and str(path) not in named
        and not re.fullmatch(r"_delta_log/(\d{20}\.json|_last_checkpoint)",
                             str(path.relative_to(folder)))
    ]  # fmt: skip
    lost = [path for path in named if not Path(path).is_file()]
    return {
        # Records of decisions and models hold times; what they say is compared by itself.
        "content": "" if name in RECORDS else lake.content_hash(at),
        "bytes": "" if name in RECORDS else _sha(sorted(lake.files(at))),
        "rows": lake.row_count(at),
        "inputs": "" if name in RECORDS else lake.fingerprint(at),
        "stray": sorted(stray),
        "lost": lost,
        "version": at.version,
    }


def _sha(paths: Iterable[str]) -> str:
    return hashlib.sha256(b"".join(Path(path).read_bytes() for path in paths)).hexdigest()


def _decisions(home: Path) -> list[Any]:
    from pipelines.governance.decision_log import find_breaks
    from pipelines.governance.decision_store import DECISIONS, _from_row
    from pipelines.lake.tables import Lake

    lake = Lake(str(home / "lake"), spec=SPEC)
    at = lake.latest(DECISIONS)
    if at is None:
        return []
    records = sorted((_from_row(row) for row in lake.read(at).to_pylist()), key=lambda r: r.number)
    noted = _select(home / "mlflow.db", "select value from registered_model_tags where key = ?",
                    "overnight.decisions_head")  # fmt: skip
    heads = [row["value"] for row in noted]
    return [
        *([r.kind, r.version, r.reason, r.gate, r.digests.model] for r in records),
        ["breaks", list(find_breaks(records, noted_head=heads[-1] if heads else None))],
        ["the newest is noted", heads == [records[-1].own] if records else heads == []],
    ]


def _trained(home: Path) -> list[Any]:
    """Records of models; of which run they are, the names below replace."""
    from pipelines.lake.tables import Lake
    from pipelines.modelling.trained_models import TRAINED

    lake = Lake(str(home / "lake"), spec=SPEC)
    at = lake.latest(TRAINED)
    rows = [] if at is None else lake.read(at).to_pylist()
    return sorted([row["run"], row["inputs"], row["bundle_digest"], row["author"]] for row in rows)


def _studies(database: Path) -> list[Any]:
    import optuna

    if not database.exists():
        return []
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url = f"sqlite:///{database}"
    return [
        [name, [[t.state.name, t.value, t.params, t.user_attrs] for t in study.get_trials()
                if t.state.name != "FAIL"]]
        for name in optuna.study.get_all_study_names(url)
        for study in [optuna.load_study(study_name=name, storage=url)]
    ]  # fmt: skip


def _select(database: Path, query: str, *given: str) -> list[dict[str, Any]]:
    if not database.exists():
        return []
    with sqlite3.connect(database) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query, given)]


def _names(home: Path) -> Iterator[tuple[str, str]]:
    """Ids of MLflow, each with what it is an id of."""
    database = home / "mlflow.db"
    kinds = "select run_uuid, value from tags where key = 'overnight.kind'"
    for row in _select(database, kinds):
        yield row["run_uuid"], f"<{row['value']} run>"
    for row in _select(database, "select model_id from logged_models"):
        yield row["model_id"], "<logged model>"


def _registry(database: Path) -> dict[str, Any]:
    runs = _select(database, "select run_uuid, status, lifecycle_stage from runs")
    aliases = "select alias, version from registered_model_aliases order by alias"
    versions = _select(
        database,
        "select name, version, status, description, current_stage, run_id, source "
        "from model_versions order by version",
    )
    tags = "select key, value from model_version_tags order by version, key"
    measured = "select metric_name, metric_value from logged_model_metrics order by metric_name"
    logged = "select status, lifecycle_stage, name, source_run_id from logged_models"
    return {
        "runs": [_run(database, **run) for run in runs],
        "models": [list(row.values()) for row in _select(database, logged)],
        "versions": versions,
        "model metrics": _select(database, measured),
        "version tags": _tagged(_select(database, tags)),
        "aliases": _select(database, aliases),
    }


def _run(database: Path, *, run_uuid: str, status: str, lifecycle_stage: str) -> list[Any]:
    def held(table: str) -> list[dict[str, Any]]:
        query = f"select key, value from {table} where run_uuid = ? order by key"
        return _select(database, query, run_uuid)

    inputs = "select source_type, destination_type from inputs where destination_id = ?"
    tagged = [pair for pair in _tagged(held("tags")) if pair[0] != "overnight.trial"]
    return [
        [status, lifecycle_stage],
        tagged,
        held("params"),
        held("metrics"),
        _select(database, inputs, run_uuid),
    ]


def _tagged(rows: Iterable[dict[str, Any]]) -> list[list[str]]:
    return [[r["key"], CHANGING.sub("#", str(r["value"]))] for r in rows if r["key"] not in DROPPED]


def _files(home: Path) -> Iterator[str]:
    for path in home.rglob("*"):
        relative = path.relative_to(home)
        if path.is_file() and relative.parts[0] not in PASSED_OVER:
            is_bundle = "bundle" in relative.parts
            yield f"{relative} {hashlib.sha256(path.read_bytes()).hexdigest() if is_bundle else ''}"
