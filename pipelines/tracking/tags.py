"""Tags in MLflow: their names, of runs, versions and models, and checks of a run by its tags."""

from collections.abc import Mapping

from expectations.contract import InputError

PREFIX = "overnight."

# Of a run, and copied to its version: its inputs and its author.
SPEC = "overnight.spec"
SPEC_DIGEST = "overnight.spec_digest"
EXPERIMENT = "overnight.experiment"  # yes: the run used a changed spec
AS_OF = "overnight.as_of"
AUTHOR = "overnight.author"
TRAINING_SET = "overnight.training_set"
TRAINING_SET_DIGEST = "overnight.training_set_digest"
STUDY = "overnight.study"
TRAIN_WINDOW = "overnight.train_window"
TEST_WINDOW = "overnight.test_window"
LEARNER = "overnight.learner_version"
CODE_REVISION = "overnight.code_revision"
LOCK_DIGEST = "overnight.lock_digest"
DATA_DOCS = "overnight.data_docs"
EMPTY_COLUMNS = "overnight.empty_columns"
# Of a run, and copied to its version: its results.
DIGEST = "overnight.bundle_digest"
MODEL_ID = "overnight.model_id"
GATE = "overnight.gate"
GATE_REASONS = "overnight.gate_reasons"

# Of a run, to find it by.
INPUTS = "overnight.inputs"
KIND = "overnight.kind"
TRIAL = "overnight.trial"
PARENT = "mlflow.parentRunId"
# The author of a run as the server knows it: with roles, only the deployer may set these tags.
MAKER = "overnight.maker"

# Of a version, for its page: the decision about it.
STATE = "overnight.review"
BECAUSE = "overnight.because"
DECIDED_BY = "overnight.decided_by"

# Of a registered model: its spec, and the latest hash of its decision log.
OWNER = "overnight.spec_of_model"
DECISIONS_HEAD = "overnight.decisions_head"


def short_name(tag: str) -> str:
    """Return a tag without the common prefix.

    >>> short_name("overnight.train_window")
    'train_window'
    """
    return tag.removeprefix(PREFIX)


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
