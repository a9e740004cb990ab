"""Names of our tags in MLflow: of runs, of model versions, of registered models."""

PREFIX = "overnight."

# Of a run, and copied to the version that is made of it: from what it was made, by whom.
SPEC = "overnight.spec"
SPEC_DIGEST = "overnight.spec_digest"
EXPERIMENT = "overnight.experiment"  # yes: the spec was changed for this run
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
# What became of it.
DIGEST = "overnight.bundle_digest"
MODEL_ID = "overnight.model_id"
GATE = "overnight.gate"
GATE_REASONS = "overnight.gate_reasons"

# Of a run, for finding it.
INPUTS = "overnight.inputs"
KIND = "overnight.kind"
TRIAL = "overnight.trial"
PARENT = "mlflow.parentRunId"
# Who made a run, as the tracking server knows it: with roles, the deployer alone sets our tags.
MAKER = "overnight.maker"

# Of a version, for its page: the decision about it.
STATE = "overnight.review"
BECAUSE = "overnight.because"
DECIDED_BY = "overnight.decided_by"

# Of a registered model: the spec whose it is, and the newest hash of its decisions.
OWNER = "overnight.spec_of_model"
DECISIONS_HEAD = "overnight.decisions_head"


def short_name(tag: str) -> str:
    """A tag without what all of ours begin with.

    >>> short_name("overnight.train_window")
    'train_window'
    """
    return tag.removeprefix(PREFIX)
