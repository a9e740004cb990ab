"""Differences from the champion: data, code, features, parameters, thresholds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipelines.modelling import TableSummary
from pipelines.review.report.formatting import count, share
from pipelines.tracking import (
    AS_OF,
    CODE_REVISION,
    LEARNER,
    LOCK_DIGEST,
    SPEC_DIGEST,
    TEST_WINDOW,
    TRAIN_WINDOW,
)
from training.evaluation import ModelSummary

NONE = "\N{EN DASH}"
DIGEST_SHOWN = 12

# Tags that say where a model comes from, in the words of the page.
ORIGINS = {
    AS_OF: "known as of",
    TRAIN_WINDOW: "train window",
    TEST_WINDOW: "test window",
    SPEC_DIGEST: "spec",
    CODE_REVISION: "code revision",
    LEARNER: "learner version",
    LOCK_DIGEST: "libraries",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it is with the champion.

    Attributes:
        before: the champion's; a dash where it has none.
        after: the candidate's.
        note: what it means; may be empty.
    """

    name: str
    before: str
    after: str
    note: str = ""


def data_changes(
    ours: Mapping[str, str],
    theirs: Mapping[str, str],
    *,
    training_set: TableSummary,
    champion_set: TableSummary | None,
) -> list[Change]:
    """Windows, rows, spec, code.

    Args:
        ours: tags of the candidate's run.
        theirs: those of the champion's.
        training_set: what the candidate was trained on.
        champion_set: the same of the champion; None when its run does not tell.
    """
    before = {} if champion_set is None else describe_table(champion_set)
    after = describe_table(training_set)
    rows = {f"training set: {name}": value for name, value in after.items()}
    current = {f"training set: {name}": value for name, value in before.items()}
    for tag, name in ORIGINS.items():
        rows[name] = shorten(ours.get(tag, NONE))
        current[name] = shorten(theirs.get(tag, NONE))
    return list(differences(current, rows))


def describe_table(table: TableSummary) -> dict[str, str]:
    """Facts of a table version, in words."""
    facts = {"version": f"v{table.version}", "rows": count(table.rows)}
    if table.first:
        facts["days"] = f"{table.first} to {table.last}"
    if table.frauds is not None:
        facts["frauds"] = count(table.frauds)
        facts["fraud rate"] = share(table.frauds / max(table.rows, 1), digits=3)
    return facts


def feature_changes(
    ours: ModelSummary, theirs: ModelSummary, *, words: Mapping[str, str]
) -> list[Change]:
    """Columns that are new, gone, or of another kind.

    Args:
        ours: the candidate's.
        theirs: the champion's.
        words: feature to its meaning.
    """
    return [
        Change(each.name, each.before, each.after, words.get(each.name, ""))
        for each in differences(dict(theirs.columns), dict(ours.columns))
    ]


def threshold_changes(ours: ModelSummary, theirs: ModelSummary) -> list[Change]:
    """From which score on a transaction is an alert, and what makes scores probabilities."""
    return list(
        differences(
            {"threshold": f"{theirs.threshold:.4f}", "calibration": theirs.calibration},
            {"threshold": f"{ours.threshold:.4f}", "calibration": ours.calibration},
        )
    )


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    """List what was added, taken away or changed, by name in the order of both.

    >>> [each.name for each in differences({"a": "1", "b": "2", "c": "3"}, {"b": "2", "c": "4"})]
    ['a', 'c']
    """
    for name in dict.fromkeys([*before, *after]):
        current, given = before.get(name, NONE), after.get(name, NONE)
        if current != given:
            yield Change(name, current, given)


def shorten(text: str) -> str:
    """Return the first 12 characters of a hash; other texts as they are."""
    is_hash = len(text) > 2 * DIGEST_SHOWN and set(text.rstrip("+")) <= set("0123456789abcdef")
    return text[:DIGEST_SHOWN] + ("+" if text.endswith("+") else "") if is_hash else text
