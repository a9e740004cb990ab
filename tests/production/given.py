"""What a night gave, by content: without names that count versions, ids of MLflow, and times.

`python -m tests.production.given SPEC` reads night to step to what the step returned, as JSON, and
writes night to what it gave.
"""

import hashlib
import json
import sys
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import TRANSACTION_ID
from pipelines.config.references import Snapshot
from pipelines.lake.knowledge_time import parse_as_of

Given = dict[str, object]


def describe_night(name: str, as_of: str, returned: Mapping[str, str]) -> Given:
    """What the steps of a night left, as far as it was known on that night.

    Args:
        name: of the spec.
        as_of: the night.
        returned: step to the reference that it returned.
    """
    import optuna
    from mlflow import MlflowClient

    from pipelines.config.installation.settings import load_settings
    from pipelines.config.references import StudyReference, TableVersion
    from pipelines.config.spec import load_spec
    from pipelines.governance.digests import open_decisions
    from pipelines.ingestion import only_known
    from pipelines.lake.tables import Lake
    from pipelines.tracking.registry import open_registry
    from pipelines.tracking.tags import DIGEST, GATE, GATE_REASONS
    from pipelines.validation.data_docs import read_summaries

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    spec, settings, night = load_spec(name), load_settings(), parse_as_of(as_of)
    lake, registry = Lake(settings.lake, spec=name), open_registry(spec)
    snapshot = Snapshot.parse(returned["validate"])
    pinned = (
        snapshot.transactions,
        snapshot.labels,
        TableVersion.parse(returned["build_features"]),
    )
    rows, labels, features = (only_known(lake.read(at), night) for at in pinned)
    # A report that came before its transaction lay in quarantine on the night.
    arrived = rows[TRANSACTION_ID].combine_chunks()
    labels = labels.filter(pc.is_in(labels[TRANSACTION_ID], value_set=arrived))
    training_set = TableVersion.parse(returned["build_training_set"])
    study = optuna.load_study(
        study_name=StudyReference.parse(returned["tune"]).name, storage=settings.studies
    )
    run = MlflowClient().get_run(returned["evaluate"].removeprefix("runs:/")).data
    version = int(returned["register"].rpartition("/")[2])
    registration = open_decisions(spec, registry).load().registration(version)
    return {
        "transactions": hash_rows(rows),
        "labels": hash_rows(labels),
        "features": hash_rows(features),
        "checks": {
            table: [found.expectations, *([f.severity, f.text] for f in found.findings)]
            for table, found in read_summaries(settings, name, as_of).items()
            # Of the newest days in the lake, which are not those of a night that is long past.
            if table != "features"
        },
        "training set": [lake.row_count(training_set), lake.content_hash(training_set)],
        "trials": [[trial.params, trial.value] for trial in study.trials],
        "model": run.tags[DIGEST],
        "params": run.params,
        "metrics": run.metrics,
        "gate": [run.tags[GATE], run.tags[GATE_REASONS]],
        "version": [version, registration.gate, registration.digests.model],
    }


def hash_rows(rows: pa.Table) -> list[object]:
    """Their number and the SHA-256 of their values, whatever the order of columns and chunks."""
    ordered = rows.select(sorted(rows.column_names)).replace_schema_metadata().combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, ordered.schema) as stream:
        stream.write_table(ordered)
    return [rows.num_rows, hashlib.sha256(sink.getvalue()).hexdigest()]


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    given = {night: describe_night(sys.argv[1], night, own) for night, own in asked.items()}
    sys.stdout.write(json.dumps(given))
