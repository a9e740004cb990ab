"""Tags of runs and versions in MLflow: their names, and the checks of a run by its tags."""

from collections.abc import Mapping

from expectations.contract import InputError

INPUTS, KIND = "overnight.inputs", "overnight.kind"
DIGEST, MODEL_ID = "overnight.bundle_digest", "overnight.model_id"
EXPERIMENT = "overnight.experiment"  # yes: the run used a changed spec
# The author of a run as the server knows it: with roles, only the deployer may set these tags.
MAKER = "overnight.maker"
TRIAL, PARENT = "overnight.trial", "mlflow.parentRunId"
# Paths among the artefacts of a run.
BUNDLE, REVIEW_REPORT = "bundle", "review/review.html"
GATE, GATE_REASONS = "overnight.gate", "overnight.gate_reasons"
SPEC, SPEC_DIGEST = "overnight.spec", "overnight.spec_digest"
AS_OF, AUTHOR = "overnight.as_of", "overnight.author"


def refuse_other_kinds(run: str, tags: Mapping[str, str]) -> None:
    """Refuse a run without a model of a night or an experiment: a study, a trial, a backtest.

    Raises:
        InputError: naming the kind of the run.
    """
    kind = tags.get(KIND, "run of unknown kind")
    if kind != "model":
        raise InputError(
            f"{run} is a {kind}, not a model. Name a run that the train step returned."
        )


def describe_maker(tags: Mapping[str, str]) -> str:
    """Describe the spec, knowledge time and author of a run from its tags."""
    return f"{tags.get(SPEC, '?')} as of {tags.get(AS_OF, '?')}, by {tags.get(AUTHOR, '?')}"


def is_of_another(tags: Mapping[str, str], *, spec_digest: str) -> bool:
    """Return True if the run that an experiment reused was made by a night or other changes.

    Args:
        tags: of the run.
        spec_digest: of the experiment's spec.
    """
    return tags.get(EXPERIMENT) != "yes" or tags.get(SPEC_DIGEST) != spec_digest
