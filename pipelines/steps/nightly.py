"""The steps of a night and of a review: strings in, a string out.

Airflow tasks and `overnight` sub-commands are both made from these functions, and their
docstrings are the help texts. Values between steps are references (`features@v12`,
`runs:/0a1b`, `models:/demo/7`), never rows. Heavy libraries are imported where they are used.

Everywhere, SPEC is a name (`demo`), a path (`mine/cards.toml`), or either with overrides
(`demo?training.trials=5`), and AS_OF is the knowledge time: `2018-08-08` means its first instant,
UTC, and nothing that became known at or after it is used.
"""

from pipelines.lake import one_at_a_time
from pipelines.steps.error_translation import translate_errors


@translate_errors
def configure(spec: str, form: str = "") -> str:
    """Check what the form of a run asks for, and make the spec reference that all its steps read.

    FORM is the form as JSON; see `pipelines.steps.form`. Stops with every problem at once. Returns
    the reference, `demo?training.trials=5` where the form changes the spec for this run.
    """
    from pipelines.steps.form import configure_night

    return configure_night(spec, form)


@translate_errors
@one_at_a_time
def ingest(spec: str, as_of: str) -> str:
    """Read the source, quarantine rows that break a rule, commit the rest to the lake.

    Returns a snapshot: the versions of transactions and labels, `transactions@v3+labels@v3`.
    Running it again on the same files changes nothing.
    """
    from pipelines.ingestion import ingest_source

    return str(ingest_source(spec, as_of))


@translate_errors
@one_at_a_time
def validate(spec: str, as_of: str, snapshot: str) -> str:
    """Check a snapshot of the lake against the contract with Great Expectations.

    Returns the snapshot that was checked; stops with every finding when a critical one is not met.
    """
    from pipelines.config import Snapshot
    from pipelines.validation import validate_snapshot

    return str(validate_snapshot(spec, as_of, snapshot=Snapshot.parse(snapshot)))


@translate_errors
@one_at_a_time
def build_features(spec: str, as_of: str, snapshot: str, since: str = "", until: str = "") -> str:
    """Build the declared features of a snapshot's days with Spark, and commit them at once.

    Computes the days whose rows, labels or lookback changed, and for all others the features whose
    definition did; with FROM and TO just the days in [from, to), whatever changed. Returns the
    version of the feature table; does nothing when that is what the newest version holds.
    """
    from pipelines.config import Snapshot
    from pipelines.features import build_feature_table

    pinned = Snapshot.parse(snapshot)
    return str(build_feature_table(spec, as_of, snapshot=pinned, since=since, until=until))


@translate_errors
@one_at_a_time
def build_training_set(spec: str, as_of: str, snapshot: str, features: str) -> str:
    """Join features with the labels that were mature and known at the knowledge time.

    Returns the version of the training set table.
    """
    from pipelines.config import Snapshot, TableVersion
    from pipelines.features import build_training_table

    pinned, built = Snapshot.parse(snapshot), TableVersion.parse(features)
    return str(build_training_table(spec, as_of, snapshot=pinned, features=built))


@translate_errors
def tune(spec: str, as_of: str, training_set: str, worker: str = "0") -> str:
    """Search LightGBM's parameters with Optuna over validation folds before the test window.

    Returns the study. A study that was cut off goes on where it stopped; with
    training.trials_workers above 1, several join it, numbered from 0 by WORKER.
    """
    from pipelines.config import TableVersion
    from pipelines.modelling import tune_parameters

    at = TableVersion.parse(training_set)
    return str(tune_parameters(spec, as_of, training_set=at, worker=worker))


@translate_errors
@one_at_a_time
def train(spec: str, as_of: str, training_set: str, study: str, author: str = "") -> str:
    """Fit the model with the study's best parameters and log it to MLflow as a bundle.

    AUTHOR is who asked for it, `alice (Airflow)` or `schedule`; without it, you. Returns the MLflow
    run. The same inputs give the same model, and the run that holds it.
    """
    from pipelines.config import StudyReference, TableVersion
    from pipelines.modelling import train_model

    at, searched = TableVersion.parse(training_set), StudyReference.parse(study)
    return str(train_model(spec, as_of, training_set=at, study=searched, author=author))


@translate_errors
@one_at_a_time
def evaluate(spec: str, as_of: str, training_set: str, run: str) -> str:
    """Measure a run's model on the test window, and put it through the gate against the champion.

    Logs metrics, the gate's decision with its reasons, and a report. Returns the MLflow run.
    """
    from pipelines.config import RunReference, TableVersion
    from pipelines.modelling import evaluate_model

    at, made = TableVersion.parse(training_set), RunReference.parse(run)
    return str(evaluate_model(spec, as_of, training_set=at, run=made))


@translate_errors
@one_at_a_time
def register(spec: str, as_of: str, run: str, ask: str = "yes") -> str:
    """Register a run's model as a version; with the alias `challenger` when the gate accepted it.

    ASK is yes, no, or automatic: yes, unless the run changes anything of the spec. Returns the
    model version, `models:/demo/7`, or the run when it is not registered. A run is registered once.
    """
    from pipelines.config import RunReference
    from pipelines.review import register_challenger

    return str(register_challenger(spec, as_of, run=RunReference.parse(run), ask=ask))


@translate_errors
def review(spec: str, version: str) -> str:
    """Show what a reviewer should know about a model version.

    The verdict, three figures and the address of the report come first, as the report has them;
    then metrics beside the champion's, digests and parameters.
    VERSION is a number or an alias. Returns the text.
    """
    from pipelines.review import describe_version

    return describe_version(spec, version)


@translate_errors
def approve(spec: str, version: str, because: str, override: str = "") -> str:
    """Approve a model version, with the reason: in the decision log, and as alias `approved`.

    VERSION is a number or an alias. Refused, with all reasons at once, when the gate refused it
    (unless OVERRIDE says why that is set aside), when its bundle, training set, metrics or spec are
    not those registered, when you made it, when it expired or was rejected, when it is older than
    the champion, or while another approval waits to be deployed.
    Returns the model version.
    """
    from pipelines.review import approve_version

    return str(approve_version(spec, version, because=because, override=override))


@translate_errors
def reject(spec: str, version: str, because: str) -> str:
    """Reject a model version, with the reason, and take its aliases away.

    VERSION is a number or an alias. Returns the model version.
    """
    from pipelines.review import reject_version

    return str(reject_version(spec, version, because=because))


@translate_errors
def reconcile(spec: str) -> str:
    """Compare the aliases with the decision log, and put back what no decision moved.

    An alias `approved` that a reviewer set in MLflow becomes an approval, if it may be one. Returns
    the version whose approval is in force, `models:/demo/7`, or `nothing`.
    """
    from pipelines.config import write_optional
    from pipelines.review import reconcile_aliases

    return write_optional(reconcile_aliases(spec))


@translate_errors
def candidate(spec: str) -> str:
    """Find the challenger that nobody has decided about yet.

    Returns the model version, `models:/demo/7`; empty when there is none.
    """
    from pipelines.review import find_undecided

    undecided = find_undecided(spec)
    return "" if undecided is None else str(undecided)


@translate_errors
def answer(spec: str, version: str, choice: str, because: str, by: str) -> str:
    """Record what a reviewer answered in Airflow: CHOICE is approve, reject or later.

    BY is the name that Airflow knows the reviewer by. The rules are those of `approve` and
    `reject`. Returns the model version.
    """
    from pipelines.review import answer_question

    return str(answer_question(spec, version, choice=choice, because=because, by=by))


@translate_errors
def decisions(spec: str) -> str:
    """Show the decision log of a spec, verified: who decided what, when and why."""
    from pipelines.review import describe_decisions

    return describe_decisions(spec)


@translate_errors
def status(spec: str = "") -> str:
    """Show last night, candidate, champion, endpoint and links of a spec; without one, of all."""
    from pipelines.monitoring import describe_status

    return describe_status(spec)


@translate_errors
def check_lake(spec: str) -> str:
    """Read every file that any version of the lake's tables names, and compare it with its hash.

    Names damaged and missing files, and entries of the tables' logs, with the versions that they
    belong to and the step that makes them again, and then ends with 1. Returns what was read.
    """
    from pipelines.lake import check_tables

    return check_tables(spec)
