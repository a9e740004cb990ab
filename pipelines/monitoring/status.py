"""The status of one spec, or of all: last night, candidate, champion, endpoint, links."""

from collections.abc import Iterator
from itertools import zip_longest

from expectations.contract import OvernightError
from infra.sagemaker.control import describe_endpoint
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
from pipelines.governance import DecisionLog, open_decisions
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
from pipelines.validation import latest_docs


def describe_status(reference: str) -> str:
    """Describe the status of a spec; an empty reference means of all specs."""
    if not reference:
        return _describe_all()
    spec, settings = load_spec(reference), load_settings()
    registry = open_registry(spec)
    decision_log = open_decisions(spec, registry).load()
    rows = [
        *_tables(spec, settings),
        ("last night", _last_night(registry)),
        ("its DAG run", describe_last_run(f"{spec.name}_nightly", settings=settings)),
        *_aliases(registry, decision_log),
        ("serves", _serves(spec, decision_log)),
        *zip_longest(["endpoint"], _endpoint(spec), fillvalue=""),
        *_links(spec, settings),
    ]
    table = format_table(rows, [Column(at_least=14, gap=1)], indent=2)
    return f"{spec.name}  (spec {spec.digest[:12]})\n{table}"


def _describe_all() -> str:
    """Describe each spec that loads in a line, and below them give the other specs' errors."""
    found = load_catalogue()
    loaded, broken = [], {}
    for name, spec in found.specs.items():
        try:
            loaded.append(_line(spec))
        except OvernightError as error:
            broken[name] = str(error)
    names = Column(at_least=16, gap=1)
    tables = [format_table(loaded, [names, Column(at_least=40, gap=1)])]
    for name, message in (broken | dict(found.broken)).items():
        lines = f"BROKEN: {message}".splitlines()
        tables.append(format_table(zip_longest([name], lines, fillvalue=""), [names]))
    return "\n".join(filter(None, tables))


def _line(spec: ModelSpec) -> tuple[str, str, str]:
    """Describe one spec in one line."""
    registry = open_registry(spec)
    aliases = registry.aliases()
    message = ", ".join(
        f"{a} {aliases[a]}" for a in (CHALLENGER, APPROVED, CHAMPION) if a in aliases
    )
    return spec.name, message or "no version", f"last night {_last_night(registry)}"


def _tables(spec: ModelSpec, settings: Settings) -> Iterator[tuple[str, str]]:
    lake = Lake(settings.lake, spec=spec.name)
    for table in (TRANSACTIONS, LABELS, QUARANTINE, FEATURES, TRAINING_SETS):
        at = lake.latest(table)
        rows = "never written" if at is None else f"{at}: {lake.row_count(at):,} rows"
        if table == LABELS and not spec.labels.is_declared:
            rows = "none declared: a night ends with the features"
        yield table, rows


def _last_night(registry: Registry) -> str:
    """Describe the latest run of a model: knowledge date, end, author, the gate's verdict."""
    run = registry.runs.latest_model()
    if run is None:
        return "none yet"
    tags = registry.runs.tags(run)
    is_experiment = tags.get(EXPERIMENT) == "yes"
    kind = f", experiment {tags.get(SPEC, '')}" if is_experiment else ""
    gate = tags.get(GATE, "not evaluated")
    why = f": {tags[GATE_REASONS].partition('; ')[0]}" if tags.get(GATE_REASONS) else ""
    made = f"{RunReference(run)}, {registry.runs.ending(run)}"
    message = f"as of {tags.get(AS_OF, '?')}, {made}"
    return one_line(f"{message}, by {tags.get(AUTHOR, '?')}, gate {gate}{why}{kind}")


def _aliases(registry: Registry, decision_log: DecisionLog) -> Iterator[tuple[str, str]]:
    """List each alias with its version and the decision that set it."""
    aliases = registry.aliases()
    behind = {
        CHALLENGER: None
        if decision_log.challenger is None
        else decision_log.registration(decision_log.challenger),
        APPROVED: decision_log.approval,
        CHAMPION: decision_log.last("promotion", "rollback"),
    }
    for alias, record in behind.items():
        number = aliases.get(alias)
        message = "-" if number is None else str(ModelVersion(registry.spec, number))
        if number is not None and record is not None and record.version == number:
            message += f"  since {record.time:%F %T}, {one_line(record.actor)}"
        yield alias, message


def _serves(spec: ModelSpec, decision_log: DecisionLog) -> str:
    """Describe the champion: since when it serves, who approved it, and the variant beside it."""
    promoted = decision_log.last("promotion", "rollback")
    if promoted is None:
        return "nothing yet"
    approved = decision_log.last("approval", "override", version=promoted.version)
    by = "" if approved is None else f", approved by {approved.actor}: {approved.reason}"
    message = f"{ModelVersion(spec.name, promoted.version)} since {promoted.time:%F %T}{by}"
    beside = decision_log.variant
    if beside is not None:
        message += (
            f"; beside it version {beside.version} as {beside.kind}, since {beside.time:%F %T}"
        )
    return one_line(message)


def _endpoint(spec: ModelSpec) -> list[str]:
    """List its state and model; below that what it moves to, and why it failed."""
    return describe_endpoint(spec.name).splitlines() or ["-"]


def _links(spec: ModelSpec, settings: Settings) -> Iterator[tuple[str, str]]:
    ports = settings.ports
    server = settings.tracking_uri
    mlflow = server if server.startswith("http") else f"http://127.0.0.1:{ports.mlflow}"
    yield "data docs", latest_docs(settings, spec.name) or "-"
    yield "MLflow page", f"{mlflow}/#/models/{spec.name}"
    yield "Airflow page", f"http://127.0.0.1:{ports.airflow}/dags/{spec.name}_nightly"
