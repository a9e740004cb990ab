"""A comparison of runs of a spec, side by side: the tags, parameters and metrics that differ."""

from collections.abc import Mapping, Sequence
from os.path import commonprefix

from expectations.contract import InputError
from pipelines.config import RunReference, format_table, load_spec, one_line
from pipelines.tracking import (
    AS_OF,
    AUTHOR,
    CODE_REVISION,
    EXPERIMENT,
    GATE,
    GATE_REASONS,
    SPEC,
    TEST_WINDOW,
    TRAIN_WINDOW,
    TRAINING_SET,
    Registry,
    open_registry,
    short_name,
)

WIDEST = 40
KEPT = 8  # characters of what long values share, before the first that differs
# Of a run's tags, what says how it was made or judged; the others are ids.
SHOWN_TAGS = (
    SPEC, EXPERIMENT, AUTHOR, AS_OF, TRAINING_SET, TRAIN_WINDOW, TEST_WINDOW, CODE_REVISION, GATE,
    GATE_REASONS,
)  # fmt: skip


def compare_runs(reference: str, wanted: Sequence[str]) -> str:
    """Make a table with a column for each run and a row for each value that is not the same in all.

    Args:
        reference: the spec.
        wanted: two or more runs: `runs:/0a1b…`, run ids, version numbers or aliases.

    Raises:
        InputError: for fewer than two, or one that is not there.
    """
    if len(wanted) < 2:  # noqa: PLR2004 -- one is not compared with itself
        raise InputError("Give two runs or more to compare, such as: champion challenger.")
    registry = open_registry(load_spec(reference))
    made_by = [_run_of(registry, each) for each in wanted]
    if len(set(made_by)) == 1:
        return f"{', '.join(wanted)} are the same run, {RunReference(made_by[0])}: nothing differs."
    found = [_values(registry, run) for run in made_by]
    names = list(dict.fromkeys(name for values in found for name in values))
    rows = [(name, *(values.get(name, "-") for values in found)) for name in names]
    differing = [row for row in rows if len(set(row[1:])) > 1]
    table = [("", *wanted), *((name, *_shorten(values)) for name, *values in differing)]
    same = len(rows) - len(differing)
    return f"{format_table(table)}\n{same} more values are the same in all"


def _run_of(registry: Registry, wanted: str) -> str:
    version = registry.find(wanted)
    if version is not None:
        return version.run
    run = RunReference.parse(wanted).run
    if not registry.runs.exists(run):
        raise InputError(
            f"{registry.spec} has no run or version {wanted!r}. Give a run's id as MLflow shows "
            "it, a version's number, or an alias."
        )
    return run


def _values(registry: Registry, run: str) -> Mapping[str, str]:
    """Every value of a run by name: tags, parameters, metrics with their intervals."""
    runs = registry.runs
    tags, metrics = runs.tags(run), runs.metrics(run)
    # With spaces: `train window` is the days themselves, the parameter `train_window` their number.
    found = {short_name(tag).replace("_", " "): tags[tag] for tag in SHOWN_TAGS if tag in tags}
    found |= dict(sorted(runs.params(run).items()))
    for name in sorted(metrics):
        if name.endswith(("_low", "_high")) and name.rpartition("_")[0] in metrics:
            continue
        found[name] = f"{metrics[name]:.4f}"
        if f"{name}_low" in metrics:
            found[name] += f" ({metrics[f'{name}_low']:.4f} to {metrics[f'{name}_high']:.4f})"
    return found


def _shorten(values: Sequence[str]) -> list[str]:
    """Each value in one line of at most `WIDEST` characters, which show where they differ."""
    lines = [one_line(" ".join(value.split())) for value in values]
    if max(map(len, lines)) > WIDEST:
        shared = len(commonprefix(lines)) - KEPT  # noqa: RUF071 -- text, not paths
        lines = [f"…{line[shared:]}" if shared > 0 else line for line in lines]
    return [line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…" for line in lines]
