"""What is where for one spec: newest data, candidate, champion, endpoint."""

from pipelines.data_docs import newest_docs
from pipelines.feature_plan import FEATURES
from pipelines.ingestion import LABELS, TRANSACTIONS
from pipelines.lake import Lake
from pipelines.quarantine import QUARANTINE
from pipelines.registry import APPROVED, CHALLENGER, CHAMPION
from pipelines.review import open_registry
from pipelines.settings import load_settings
from pipelines.spec import load_spec
from pipelines.training_set import TRAINING_SETS


def describe_status(reference: str) -> str:
    """See `steps.status`."""
    from infra.sagemaker.status import describe_endpoint

    spec = load_spec(reference)
    settings = load_settings()
    lake = Lake(settings.lake, spec=spec.name)
    lines = [f"{spec.name}  (spec {spec.digest[:12]})"]
    for table in (TRANSACTIONS, LABELS, QUARANTINE, FEATURES, TRAINING_SETS):
        at = lake.newest(table)
        rows = "never written" if at is None else f"{at}: {lake.row_count(at):,} rows"
        lines.append(f"  {table:14} {rows}")
    registry = open_registry(spec)
    for alias in (CHALLENGER, APPROVED, CHAMPION):
        version = registry.find(alias)
        lines.append(f"  {alias:14} {version or '-'}")
    endpoint = describe_endpoint(spec.name)
    lines.append(f"  endpoint       {endpoint or '-'}")
    lines.append(f"  data docs      {newest_docs(settings, spec.name) or '-'}")
    return "\n".join(lines)
