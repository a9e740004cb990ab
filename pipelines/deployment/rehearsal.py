"""A dry-run deployment on an emulator, with real rows and the spec's own policy.

The champion is deployed there first, then the version under test, while rows are sent all the
time. Neither the serving endpoint nor the registry is touched.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from expectations.contract import EVENT_TIME, TRANSACTION_ID, InputError, OvernightError
from infra.local import own_sagemaker
from infra.sagemaker.control import EndpointConfiguration, in_alarm, roll_out, verify, wanted_alarms
from infra.sagemaker.runtime import Instance, Prediction, Replay, read_file, replay_once, replaying
from pipelines.config import PROMOTED, Column, ModelSpec, format_table, load_registered
from pipelines.config.installation import load_settings
from pipelines.deployment.raised_alarms import RaisedAlarms, describe_alarms
from pipelines.deployment.releases import champion_digest, endpoint_configuration
from pipelines.deployment.score_endpoint import as_plain
from pipelines.features import FEATURES
from pipelines.governance import open_decisions
from pipelines.lake import Lake
from pipelines.tracking import Version, open_registry

MAX_ROWS = 2_000
SHOWN = 10
ALERT = "alert"
LOOK_SECONDS = 0.5


def rehearse_rollout(reference: str, wanted: str, *, traffic: str) -> str:
    """Roll a version out on an emulator while rows are replayed, and describe the outcome."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    version = registry.get(wanted)
    decision_log = open_decisions(spec, registry).load()
    champion = None if decision_log.champion is None else registry.get(str(decision_log.champion))
    if champion == version:
        raise InputError(f"{version} serves already; name another version to rehearse.")
    with ExitStack() as stack:
        configuration = stack.enter_context(
            endpoint_configuration(spec, registry, version, digest=None)
        )
        configurations = [configuration]
        current = champion_digest(decision_log)
        if champion is not None:
            configurations.insert(
                0,
                stack.enter_context(
                    endpoint_configuration(spec, registry, champion, digest=current)
                ),
            )
        names, rows = _read_traffic(spec, traffic, configurations)
        stack.enter_context(own_sagemaker())
        endpoint = configuration.endpoint
        phases: dict[str, Replay] = {}
        if champion is not None:
            roll_out(configurations[0])
            phases["before"] = replay_once(endpoint, rows)
        with _watching(configurations) as raised:
            if champion is None:
                roll_out(configuration)
            else:
                with replaying(endpoint, rows) as phases["during"]:
                    roll_out(configuration)
            during = frozenset(raised)
            result = verify(configuration, champion_digest=current)
            phases["after"] = replay_once(endpoint, rows)
    alarms, *reasons = describe_alarms(
        RaisedAlarms(
            names=raised, during=during, watching=wanted_alarms(configuration).keys(),
            is_promoted=result.outcome == PROMOTED, is_first=champion is None,
        )
    )  # fmt: skip
    title = f"Rehearsal of {version}" + (f" after {champion}" if champion else "")
    table = [
        ("outcome", f"{result.outcome} {result.reason}".rstrip()),
        *_describe_phases(phases),
        *_describe_decisions(phases, configurations, names, champion=champion, version=version),
        ("alarms", f"{alarms}{_unwatched(spec)}"),
        *(("", reason) for reason in reasons),
    ]
    return f"{title}\n{format_table(table, [Column(at_least=15, gap=1)], indent=2)}"


def _read_traffic(
    spec: ModelSpec, traffic: str, configurations: list[EndpointConfiguration]
) -> tuple[list[str], list[Instance]]:
    """Read the rows to send: their names, and the features that the models read."""
    if traffic:
        answers = read_file(Path(traffic))[:MAX_ROWS]
        names = [answer.inference_id for answer in answers]
        rows = [dict(answer.features) for answer in answers]
    else:
        lake = Lake(load_settings().lake, spec=spec.name)
        at = lake.latest(FEATURES)
        if at is None:
            raise InputError(
                f"{spec.name} has no features to send. Run "
                f'"overnight run {spec.name} --as-of DATE" first, or name a captured file with '
                "--traffic."
            )
        days = sorted({part.day for part in lake.parts(at)})
        latest = lake.read(at, days=days[-2:]).sort_by([(EVENT_TIME, "descending")])
        table = latest.slice(0, MAX_ROWS).to_pylist()
        names = [str(row[TRANSACTION_ID]) for row in table]
        features = {
            f.name for configuration in configurations for f in configuration.main.bundle.features
        }
        rows = [{n: as_plain(row[n]) for n in features if n in row} for row in table]
    read = [
        [f.name for f in configuration.main.bundle.features] for configuration in configurations
    ]
    missing = sorted({n for columns in read for n in columns if any(n not in r for r in rows)})
    if missing:
        raise InputError(
            f"The rows have no {', '.join(missing)}, which a model reads. Leave --traffic out, to "
            "send rows of the lake, or build features with a spec that declares them."
        )
    # A feature that only one of them reads is ignored by the other.
    wanted = dict.fromkeys(name for columns in read for name in columns)
    return names, [{name: row[name] for name in wanted} for row in rows]


@contextmanager
def _watching(configurations: list[EndpointConfiguration]) -> Iterator[set[str]]:
    """Collect the alarms that are in ALARM at any moment while the block lasts."""
    names = sorted(
        {name for configuration in configurations for name in wanted_alarms(configuration)}
    )
    raised: set[str] = set()
    over = threading.Event()
    problems: list[OvernightError] = []

    def look() -> None:
        is_over = False
        while not is_over:
            is_over = over.wait(LOOK_SECONDS)
            try:
                raised.update(in_alarm(names))
            except OvernightError as error:
                problems.append(error)
                return

    thread = threading.Thread(target=look, name="alarms")
    thread.start()
    try:
        yield raised
    finally:
        over.set()
        thread.join()
    if problems:
        # Without this error, a failed poll would look like a rollout without alarms.
        raise problems[0]


def _describe_phases(phases: dict[str, Replay]) -> Iterator[tuple[str, str]]:
    for name, replay in phases.items():
        took = replay.milliseconds
        p50, p99 = np.quantile(took, [0.5, 0.99]) if took else (float("nan"), float("nan"))
        speed = f"p50 {p50:.2f} ms, p99 {p99:.2f} ms"
        yield name, f"{len(took):,} requests, {replay.failed} failed, {speed}"
        yield from (("", str(error)) for error in replay.errors[:3])


def _describe_decisions(
    phases: dict[str, Replay], configurations: list[EndpointConfiguration], names: list[str], *,
    champion: Version | None, version: Version,
) -> Iterator[tuple[str, str]]:  # fmt: skip
    said = [_answers(phases, configuration.main.bundle.digest) for configuration in configurations]
    for who, answers in zip([champion, version] if champion else [version], said, strict=True):
        alerts = sum(a.decision == ALERT for a in answers.values())
        share = alerts / len(answers) if answers else float("nan")
        yield "alert volume", f"{who}: {alerts:,} of {len(answers):,} rows ({share:.4%})"
    if champion is None:
        return
    ours, theirs = said
    both = sorted(ours.keys() & theirs.keys())
    changed = [n for n in both if ours[n].decision != theirs[n].decision]
    yield "changes", f"{len(changed):,} of {len(both):,} decisions"
    for number in changed[:SHOWN]:
        pair = ours[number], theirs[number]
        a, b = (f"{each.probability:.6f} {each.decision}" for each in pair)
        yield "", f"{names[number]:>18} {a} -> {b}"


def _unwatched(spec: ModelSpec) -> str:
    """List the account's alarms, which the emulator does not have."""
    names = spec.endpoint.alarms
    return f"; not rehearsed: {', '.join(names)}" if names else ""


def _answers(phases: dict[str, Replay], digest: str) -> dict[int, Prediction]:
    found: dict[int, Prediction] = {}
    for replay in phases.values():
        found |= replay.answers.get(digest, {})
    return found
