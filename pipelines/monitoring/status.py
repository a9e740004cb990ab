"""What is where for one spec, or for all: last night, candidate, champion, endpoint, links."""

from collections.abc import Iterator

from expectations.contract import OvernightError
from pipelines.config import ModelSpec, load_catalogue, load_spec, one_line
from pipelines.config.installation import Settings, load_settings
from pipelines.features import FEATURES, TRAINING_SETS
from pipelines.governance import Ledger, open_decisions
from pipelines.ingestion import LABELS, QUARANTINE, TRANSACTIONS
from pipelines.lake import Lake
from pipelines.monitoring.airflow_page import describe_last_run
from pipelines.tracking import (
    APPROVED,
    CHALLENGER,
    CHAMPION,
    EXPERIMENT,
    GATE,
    GATE_REASONS,
    Registry,
    open_registry,
)
from pipelines.validation import newest_docs


def describe_status(reference: str) -> str:
    """See `steps.status`."""
    if not reference:
        return "\n".join(_all())
    spec, settings = load_spec(reference), load_settings()
    registry = open_registry(spec)
    chain = open_decisions(spec, registry).load()
    lines = [
        f"{spec.name}  (spec {spec.digest[:12]})",
        *_tables(spec, settings),
        f"  last night     {_last_night(registry)}",
        f"  its DAG run    {describe_last_run(f'{spec.name}_nightly', settings=settings)}",
        *_aliases(registry, chain),
        f"  serves         {_serves(spec, chain)}",
        f"  endpoint       {_endpoint(spec)}",
        *_links(spec, settings),
    ]
    return "\n".join(lines)


def _all() -> Iterator[str]:
    """A line for each spec that loads, and the message of each that does not."""
    found = load_catalogue()
    for name, spec in found.specs.items():
        try:
            yield _line(spec)
        except OvernightError as error:
            yield _broken(name, str(error))
    for name, message in found.broken.items():
        yield _broken(name, message)


def _broken(name: str, message: str) -> str:
    first, *more = message.splitlines()
    return "\n".join([f"{name:16} BROKEN: {first}", *(f"{'':17}{line}" for line in more)])


def _line(spec: ModelSpec) -> str:
    """One spec in one line."""
    registry = open_registry(spec)
    aliases = registry.aliases()
    told = ", ".join(f"{a} {aliases[a]}" for a in (CHALLENGER, APPROVED, CHAMPION) if a in aliases)
    return f"{spec.name:16} {told or 'no version':40} last night {_last_night(registry)}"


def _tables(spec: ModelSpec, settings: Settings) -> Iterator[str]:
    lake = Lake(settings.lake, spec=spec.name)
    for table in (TRANSACTIONS, LABELS, QUARANTINE, FEATURES, TRAINING_SETS):
        at = lake.newest(table)
        rows = "never written" if at is None else f"{at}: {lake.row_count(at):,} rows"
        yield f"  {table:14} {rows}"


def _last_night(registry: Registry) -> str:
    """The newest run of a model: its date, its end, who asked, how the gate found it, why not."""
    run = registry.runs.newest_model()
    if run is None:
        return "none yet"
    tags = registry.runs.tags(run)
    is_experiment = tags.get(EXPERIMENT) == "yes"
    kind = f", experiment {tags.get('overnight.spec', '')}" if is_experiment else ""
    gate = tags.get(GATE, "not evaluated")
    why = f": {tags[GATE_REASONS].partition('; ')[0]}" if tags.get(GATE_REASONS) else ""
    told = f"as of {tags.get('overnight.as_of', '?')}, runs:/{run}, {registry.runs.ending(run)}"
    return one_line(f"{told}, by {tags.get('overnight.author', '?')}, gate {gate}{why}{kind}")


def _aliases(registry: Registry, chain: Ledger) -> Iterator[str]:
    """Each alias's version, and the decision behind it."""
    aliases = registry.aliases()
    behind = {
        CHALLENGER: None if chain.challenger is None else chain.registration(chain.challenger),
        APPROVED: chain.approval,
        CHAMPION: chain.last("promotion", "rollback"),
    }
    for alias, record in behind.items():
        number = aliases.get(alias)
        told = "-" if number is None else f"models:/{registry.spec}/{number}"
        if number is not None and record is not None and record.version == number:
            told += f"  since {record.time:%F %T}, {one_line(record.actor)}"
        yield f"  {alias:14} {told}"


def _serves(spec: ModelSpec, chain: Ledger) -> str:
    """What was verified to serve, since when, approved by whom, and what stands beside it."""
    promoted = chain.last("promotion", "rollback")
    if promoted is None:
        return "nothing yet"
    approved = chain.last("approval", "override", version=promoted.version)
    by = "" if approved is None else f", approved by {approved.actor}: {approved.reason}"
    told = f"models:/{spec.name}/{promoted.version} since {promoted.time:%F %T}{by}"
    beside = chain.companion
    if beside is not None:
        told += f"; beside it version {beside.version} as {beside.kind}, since {beside.time:%F %T}"
    return one_line(told)


def _endpoint(spec: ModelSpec) -> str:
    from infra.sagemaker.control import describe_endpoint

    return describe_endpoint(spec.name) or "-"


def _links(spec: ModelSpec, settings: Settings) -> Iterator[str]:
    ports = settings.ports
    server = settings.tracking_uri
    mlflow = server if server.startswith("http") else f"http://127.0.0.1:{ports.mlflow}"
    yield f"  data docs      {newest_docs(settings, spec.name) or '-'}"
    yield f"  MLflow page    {mlflow}/#/models/{spec.name}"
    yield f"  Airflow page   http://127.0.0.1:{ports.airflow}/dags/{spec.name}_nightly"
