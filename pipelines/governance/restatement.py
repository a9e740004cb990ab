"""Restatement: a delivery that repairs an error of the pipeline, and so changes the past.

A correction of the source is known from its arrival on. Times of a wrong clock, or amounts in a
wrong unit, were never true: the rows of the repaired files replace all filed versions of their
transactions, and who ordered it and why is in the decision log before that.
"""

from pipelines.config import ModelSpec, load_spec
from pipelines.config.installation import load_settings, os_actor
from pipelines.governance.decision_log import Decision, Digests, decide
from pipelines.governance.digests import open_decisions
from pipelines.governance.rules import require_reason
from pipelines.ingestion import LABELS, TRANSACTIONS, ingest_delivery
from pipelines.lake import Lake, writing
from pipelines.tracking import open_registry

NO_VERSION = 0  # the record is about data, not about a version of the model


def restate_delivery(reference: str, because: str) -> str:
    """File what is new in a spec's source in place of all filed versions of its transactions.

    Args:
        reference: the spec.
        because: the reason, kept in the decision log.

    Raises:
        InputError: without a reason, or when the source cannot be used; nothing is changed.
    """
    require_reason(because)
    spec = load_spec(reference)
    lake = Lake(load_settings().lake, spec=spec.name)
    store = open_decisions(spec, open_registry(spec))
    with writing(spec.name, doing="the restatement"):
        ingested = ingest_delivery(
            spec, lake, restating=lambda: store.record(lambda _: _draft(spec, lake, because))
        )
    if not ingested.read:
        return f"No file of {spec.name} is new or changed, so there is nothing to restate."
    return ingested.summary().replace("Ingested", "Restated", 1)


def _draft(spec: ModelSpec, lake: Lake, because: str) -> Decision:
    """Draft the record, with the digest of the tables as they are before."""
    tables = [at for name in (TRANSACTIONS, LABELS) if (at := lake.latest(name)) is not None]
    digests = Digests(
        model="", data="+".join(lake.content_hash(at) for at in tables), metrics="",
        policy=spec.digest,
    )  # fmt: skip
    return decide(
        "restatement", NO_VERSION, actor=os_actor(), reason=because, gate="not asked",
        digests=digests,
    )  # fmt: skip
