"""Writes the report of a version into its run, and the key figures into its description."""

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent

from expectations.contract import InputError, OvernightError
from feature_jobs.declaration import describe_features
from infra.sagemaker.control import plan
from pipelines.config import ModelSpec
from pipelines.deployment import endpoint_configuration
from pipelines.modelling import EvaluationRecord, TableSummary, read_gate, read_record
from pipelines.review.report.changes import (
    Change,
    data_changes,
    differences,
    feature_changes,
    shorten,
    threshold_changes,
)
from pipelines.review.report.page import Contents, Rollout, render_page
from pipelines.review.report.summary import describe_version
from pipelines.tracking import (
    AS_OF,
    CODE_REVISION,
    DIGEST,
    LEARNER,
    LOCK_DIGEST,
    REVIEW_REPORT,
    SPEC_DIGEST,
    STUDY,
    TEST_WINDOW,
    TRAIN_WINDOW,
    TRAINING_SET,
    TRAINING_SET_DIGEST,
    Registry,
    Version,
    short_name,
)

# With what was decided of the version: a page beside the one that the decision was made by.
DECIDED = "decided.html"

# Tags of a run that say where its model comes from.
ORIGIN = (
    AS_OF, TRAIN_WINDOW, TEST_WINDOW, TRAINING_SET, TRAINING_SET_DIGEST, STUDY, DIGEST,
    SPEC_DIGEST, CODE_REVISION, LEARNER, LOCK_DIGEST,
)  # fmt: skip

log = logging.getLogger(__name__)


def publish_report(
    spec: ModelSpec, registry: Registry, version: Version, *, decisions: Sequence[str] = ()
) -> None:
    """Write `review/review.html` into the version's run, and describe the version.

    Reads what evaluation left and what the runs of version and champion recorded; asks SageMaker
    what a deployment would change. Repeated, it replaces both. With decisions it writes
    `review/decided.html` and nothing else: what a reviewer was shown stays as it was, and its
    digest is what the decision chain recorded.

    Args:
        spec: of the version.
        registry: holds the version.
        version: of an evaluated run.
        decisions: what people decided of it, a line each.

    Raises:
        InputError: when the run was not evaluated by this version of the code.
    """
    runs = registry.runs
    record, gate = read_record(runs, version.run), read_gate(runs, version.run)
    tags = runs.tags(version.run)
    contents = Contents(
        spec=spec.name,
        version=str(version),
        number=version.number,
        record=record,
        gate=gate,
        changes=_list_changes(spec, registry, version, record),
        rollout=_plan_rollout(spec, registry, version),
        origin={
            "run": version.run,
            **{
                short_name(tag).replace("_", " "): shorten(tags[tag])
                for tag in ORIGIN
                if tag in tags
            },
        },
        decisions=decisions,
    )
    with tempfile.TemporaryDirectory() as scratch:
        name = DECIDED if decisions else Path(REVIEW_REPORT).name
        (Path(scratch) / name).write_text(render_page(contents), encoding="utf-8")
        runs.log_folder(version.run, Path(scratch), name=str(Path(REVIEW_REPORT).parent))
    if decisions:
        return
    page = runs.page(version.run, REVIEW_REPORT)
    registry.describe(version, describe_version(record, gate, page=page))
    log.info("Wrote the review report of %s: %s", version, page)


def _list_changes(
    spec: ModelSpec, registry: Registry, version: Version, record: EvaluationRecord
) -> Mapping[str, Sequence[Change]]:

    compared = record.comparison
    champion = registry.find(record.champion) if record.champion else None
    if champion is None:
        return {}
    runs = registry.runs
    changes = {
        "Data and code": data_changes(
            runs.tags(version.run),
            runs.tags(champion.run),
            training_set=record.data.training_set,
            champion_set=_training_set(registry, champion),
        ),
        "Parameters": list(differences(runs.params(champion.run), runs.params(version.run))),
    }
    if compared.champion is not None:
        words = {each.name: each.words for each in describe_features(spec.features)}
        changes["Features"] = feature_changes(compared.candidate, compared.champion, words=words)
        changes["Thresholds"] = threshold_changes(compared.candidate, compared.champion)
    return changes


def _training_set(registry: Registry, champion: Version) -> TableSummary | None:
    """Return the champion's training set; None when its run was evaluated by other code."""
    try:
        return read_record(registry.runs, champion.run).data.training_set
    except InputError:
        return None


def _plan_rollout(spec: ModelSpec, registry: Registry, version: Version) -> Rollout:
    """Ask SageMaker; a report without its answer is better than none."""
    window = spec.schedule.deploy
    try:
        with endpoint_configuration(spec, registry, version, digest=None) as configuration:
            message = plan(configuration).describe()
    except OvernightError as error:
        return Rollout("", str(error), window)
    return Rollout(dedent(message), "", window)
