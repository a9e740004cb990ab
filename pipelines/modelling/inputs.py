"""The inputs of a model: the pinned training set, policy and code, each with its hash."""

import hashlib
import subprocess
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    AMOUNT,
    EVENT_TIME,
    LABEL,
    TRANSACTION_ID,
    AttributeKind,
    InputError,
    digest_of,
)
from pipelines.config import (
    APPROVAL_RULES,
    ModelSpec,
    StudyReference,
    TableVersion,
    model_kinds,
)
from pipelines.config.installation import CHECKOUT, load_settings
from pipelines.lake import Lake, parse_as_of
from pipelines.tracking import (
    CODE_REVISION,
    LEARNER,
    LOCK_DIGEST,
    SPEC_DIGEST,
    TRAINING_SET,
    TRAINING_SET_DIGEST,
)
from training.data import Dataset, Fold, gather_rows, holdout, learn_encoding
from training.learner_version import LEARNER_VERSION

# Settings that change neither the parameters of a trial nor its value: with more trials, another
# budget or another threshold the same study goes on.
BESIDE_SEARCH: Mapping[str, bool | Mapping[str, bool]] = {
    "trials": True, "trials_workers": True, "time_budget": True, "threads": True,
    "card_precision_k": True, "calibration": True, "threshold": True, "alert_rate": True,
    "false_positive_rate": True, "review": True, "lightgbm": {"members": True},
}  # fmt: skip
BESIDE_MODEL = {"trials", "trials_workers", "time_budget", "threads"}


def study_of(
    spec: ModelSpec, training_set: TableVersion, *, lake: Lake | None = None
) -> StudyReference:
    """Return the study of a training set, named by its rows, the searched policy and the code.

    Here and below, `lake` is given where it is not the lake of this environment.
    """
    policy = spec.training.model_dump(mode="json", exclude=BESIDE_SEARCH)
    inputs = pin(spec, training_set, lake=lake) | {"policy": policy}
    return StudyReference(f"{spec.name}-{digest_of(inputs)[:16]}")


def params_of(policy: Mapping[str, object]) -> dict[str, object]:
    """List a policy as parameters of a run in MLflow, with the size of the ensemble as `members`.

    The policy's parameters of LightGBM are among those of the trial.

    >>> params_of({"seed": 7, "lightgbm": {"members": 3, "max_bin": 63}})
    {'seed': 7, 'members': 3}
    """
    given = dict(policy)
    learner = given.pop("lightgbm")
    assert isinstance(learner, Mapping)
    return given | {"members": learner["members"]}


def pin(
    spec: ModelSpec, training_set: TableVersion, *, lake: Lake | None = None
) -> dict[str, object]:
    """Return the inputs of a model beside its parameters."""
    return {
        "training_set": digest_training_set(spec, training_set, lake=lake),
        "columns": model_kinds(spec),
        "learner": LEARNER_VERSION,
    }


def digest_training_set(spec: ModelSpec, at: TableVersion, *, lake: Lake | None = None) -> str:
    """Compute SHA-256 of a training set's rows and of its fingerprint."""
    lake = lake or Lake(load_settings().lake, spec=spec.name)
    return digest_of({"rows": lake.content_hash(at), "inputs": lake.fingerprint(at)})


def load_rows(
    spec: ModelSpec,
    at: TableVersion,
    *,
    holdout: Fold,
    columns: Mapping[str, AttributeKind] | None = None,
    lake: Lake | None = None,
) -> Dataset:
    """Read a pinned training set, day by day; categories are those of the train window.

    Args:
        spec: of the training set.
        at: its version.
        holdout: the fold whose train window says which categories there are.
        columns: what may be read of it and its kind; None: what the spec's model reads.
        lake: where it stands; None: the lake of this environment.
    """
    lake = lake or Lake(load_settings().lake, spec=spec.name)
    kinds = model_kinds(spec) if columns is None else columns
    missing = [name for name in kinds if name not in lake.schema(at).names]
    if missing:
        raise InputError(
            f"{at} has no {', '.join(missing)}, which {spec.name} declares. Run "
            f'"overnight build-training-set {spec.name} AS_OF" again.'
        )
    categorical = [name for name, kind in kinds.items() if kind == "categorical"]
    # Without a categorical column only the times are read.
    learned = lake.read(at, columns=[EVENT_TIME, *categorical], where=_within(holdout))
    metadata = {TRANSACTION_ID, EVENT_TIME, AMOUNT, LABEL, *spec.source.entities}
    metadata |= {name for name, kind in spec.attribute_kinds().items() if kind == "categorical"}
    read = [name for name in lake.schema(at).names if name in metadata or name in kinds]
    days = (rows for _, rows in lake.read_days(at, columns=read))
    return gather_rows(days, learn_encoding(learned, kinds), count=lake.row_count(at))


def last_fold(spec: ModelSpec, as_of: str) -> Fold:
    """Return the fold whose test window a candidate is evaluated on."""
    return holdout(parse_as_of(as_of), spec.training, maturity=spec.labels.maturity)


def lineage_tags(
    spec: ModelSpec, training_set: TableVersion, *, lake: Lake | None = None
) -> dict[str, str]:
    """Return the tags of a model's lineage: code revision, digests of spec, lock and rows."""
    pinned = pin(spec, training_set, lake=lake)
    lock = CHECKOUT / "requirements.lock"
    tags = {
        SPEC_DIGEST: spec.digest,
        APPROVAL_RULES: spec.approval.model_dump_json(),
        LEARNER: str(pinned["learner"]),
        CODE_REVISION: _revision(),
        TRAINING_SET: str(training_set),
        TRAINING_SET_DIGEST: str(pinned["training_set"]),
    }
    if lock.is_file():
        tags[LOCK_DIGEST] = hashlib.sha256(lock.read_bytes()).hexdigest()
    return tags


def dataset_metadata(spec: ModelSpec, at: TableVersion) -> Mapping[str, str]:
    """Return name, digest, address and version of the training set, as a run's input."""
    lake = Lake(load_settings().lake, spec=spec.name)
    return {
        "name": f"{spec.name}.{at.name}",
        "digest": lake.content_hash(at)[:32],
        "address": lake.folder(at.name),
        "version": str(at.version),
        "rows": str(lake.row_count(at)),
    }


def _within(fold: Fold) -> pa.compute.Expression:

    start, end = (
        pa.scalar(t, pa.timestamp("us", tz="UTC")) for t in (fold.train.start, fold.train.end)
    )
    return (pc.field(EVENT_TIME) >= start) & (pc.field(EVENT_TIME) < end)


def _revision() -> str:
    """Return the commit of the checkout, with `+` when files differ; `unknown` outside one."""

    def ask(*arguments: str) -> str:
        command = ["git", "-C", str(CHECKOUT), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # our own words
        return done.stdout.strip()

    if not (CHECKOUT / ".git").exists():  # installed, maybe inside somebody else's checkout
        return "unknown"
    try:
        commit = ask("rev-parse", "HEAD")
        return commit + ("+" if ask("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
