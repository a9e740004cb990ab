"""What is where for one spec, or for all: last night, candidate, champion, endpoint, links."""

from collections.abc import Iterator
from itertools import zip_longest

from expectations.contract import OvernightError
from pipelines.config import (
    Column,
    ModelSpec,
    ModelVersion,
    RunReference,
    format_table,
    load_catalogue,
    load_spec,
    one_line,
)
from pipelines.config.installation import Settings, load_settings
from pipelines.features import FEATURES, TRAINING_SETS
from pipelines.governance import Ledger, open_decisions
from pipelines.ingestion import LABELS, QUARANTINE, TRANSACTIONS
from pipelines.lake import Lake
from pipelines.monitoring.airflow_page import describe_last_run
from pipelines.tracking import (
    APPROVED,
    AS_OF,
    AUTHOR,
    CHALLENGER,
    CHAMPION,
    EXPERIMENT,
    GATE,
    GATE_REASONS,
    SPEC,
    Registry,
    open_registry,
)
from pipelines.validation import newest_docs


def describe_status(reference: str) -> str:
    """See `steps.status`."""
    if not reference:
        return _describe_all()
    spec, settings = load_spec(reference), load_settings()
    registry = open_registry(spec)
    chain = open_decisions(spec, registry).load()
    rows = [
        *_tables(spec, settings),
        ("last night", _last_night(registry)),
        ("its DAG run", describe_last_run(f"{spec.name}_nightly", settings=settings)),
        *_aliases(registry, chain),
        ("serves", _serves(spec, chain)),
        *zip_longest(["endpoint"], _endpoint(spec), fillvalue=""),
        *_links(spec, settings),
    ]
    told = format_table(rows, [Column(at_least=14, gap=1)], indent=2)
    return f"{spec.name}  (spec {spec.digest[:12]})\n{told}"


def _describe_all() -> str:
    """A line for each spec that loads, and below them the message of each that does not."""
    found = load_catalogue()
    told, broken = [], {}
    for name, spec in found.specs.items():
        try:
            told.append(_line(spec))
        except OvernightError as error:
            broken[name] = str(error)
    names = Column(at_least=16, gap=1)
    tables = [format_table(told, [names, Column(at_least=40, gap=1)])]
    for name, message in (broken | dict(found.broken)).items():
        lines = f"BROKEN: {message}".splitlines()
        tables.append(format_table(zip_longest([name], lines, fillvalue=""), [names]))
    return "\n".join(filter(None, tables))


def _line(spec: ModelSpec) -> tuple[str, str, str]:
    """One spec in one line."""
    registry = open_registry(spec)
    aliases = registry.aliases()
    told = ", ".join(f"{a} {aliases[a]}" for a in (CHALLENGER, APPROVED, CHAMPION) if a in aliases)
    return spec.name, told or "no version", f"last night {_last_night(registry)}"


def _tables(spec: ModelSpec, settings: Settings) -> Iterator[tuple[str, str]]:
    lake = Lake(settings.lake, spec=spec.name)
    for table in (TRANSACTIONS, LABELS, QUARANTINE, FEATURES, TRAINING_SETS):
        at = lake.newest(table)
        rows = "never written" if at is None else f"{at}: {lake.row_count(at):,} rows"
        yield table, rows


def _last_night(registry: Registry) -> str:
    """The newest run of a model: its date, its end, who asked, how the gate found it, why not."""
    run = registry.runs.newest_model()
    if run is None:
        return "none yet"
    tags = registry.runs.tags(run)
    is_experiment = tags.get(EXPERIMENT) == "yes"
    kind = f", experiment {tags.get(SPEC, '')}" if is_experiment else ""
    gate = tags.get(GATE, "not evaluated")
    why = f": {tags[GATE_REASONS].partition('; ')[0]}" if tags.get(GATE_REASONS) else ""
    made = f"{RunReference(run)}, {registry.runs.ending(run)}"
    told = f"as of {tags.get(AS_OF, '?')}, {made}"
    return one_line(f"{told}, by {tags.get(AUTHOR, '?')}, gate {gate}{why}{kind}")


def _aliases(registry: Registry, chain: Ledger) -> Iterator[tuple[str, str]]:
    """Each alias's version, and the decision behind it."""
    aliases = registry.aliases()
    behind = {
        CHALLENGER: None if chain.challenger is None else chain.registration(chain.challenger),
        APPROVED: chain.approval,
        CHAMPION: chain.last("promotion", "rollback"),
    }
    for alias, record in behind.items():
        number = aliases.get(alias)
        told = "-" if number is None else str(ModelVersion(registry.spec, number))
        if number is not None and record is not None and record.version == number:
            told += f"  since {record.time:%F %T}, {one_line(record.actor)}"
        yield alias, told


def _serves(spec: ModelSpec, chain: Ledger) -> str:
    """What was verified to serve, since when, approved by whom, and what stands beside it."""
    promoted = chain.last("promotion", "rollback")
    if promoted is None:
        return "nothing yet"
    approved = chain.last("approval", "override", version=promoted.version)
    by = "" if approved is None else f", approved by {approved.actor}: {approved.reason}"
    told = f"{ModelVersion(spec.name, promoted.version)} since {promoted.time:%F %T}{by}"
    beside = chain.companion
    if beside is not None:
        told += f"; beside it version {beside.version} as {beside.kind}, since {beside.time:%F %T}"
    return one_line(told)


def _endpoint(spec: ModelSpec) -> list[str]:
    """Its state and model; below that what it moves to, and why it failed."""
    from infra.sagemaker.control import describe_endpoint

    return describe_endpoint(spec.name).splitlines() or ["-"]


def _links(spec: ModelSpec, settings: Settings) -> Iterator[tuple[str, str]]:
    ports = settings.ports
    server = settings.tracking_uri
    mlflow = server if server.startswith("http") else f"http://127.0.0.1:{ports.mlflow}"
    yield "data docs", newest_docs(settings, spec.name) or "-"
    yield "MLflow page", f"{mlflow}/#/models/{spec.name}"
    yield "Airflow page", f"http://127.0.0.1:{ports.airflow}/dags/{spec.name}_nightly"
