"""A report in a few sentences: for its head, and for the description of the version in MLflow."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.modelling import EvaluationRecord, GateDecision
from pipelines.review.report.formatting import STYLES, limits, signed, signed_limits
from training.evaluation import METRICS, Estimate

COMPARED = {each.name: each for each in METRICS if each.is_compared}

# What would become a link by itself.
ADDRESS = re.compile(r"(\bwww|:)(\.|//)", re.IGNORECASE)
SPECIAL = re.compile(r"([\\`*_\[\]!|~<>&])")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both models, in words.

    Attributes:
        key: its name in `training.evaluation.comparison`.
        value: the candidate's, with its interval.
        champion: the champion's; empty values without one.
        gain: the difference.
        verdict: what the interval of the difference says.
        tone: `good`, `bad` or `even`.
    """

    key: str
    name: str
    value: tuple[str, str]
    champion: tuple[str, str]
    gain: tuple[str, str]
    verdict: str
    tone: str


def list_figures(record: EvaluationRecord) -> list[Row]:
    """Rows of the metrics that are compared; without those that an older record does not hold."""
    compared = record.comparison
    ours = compared.candidate.estimates
    theirs = {} if compared.champion is None else compared.champion.estimates
    return [
        _row(name, metric.title, ours[name], theirs, compared.gains)
        for name, metric in COMPARED.items()
        if name in ours
    ]


def summarise(record: EvaluationRecord, gate: GateDecision, *, version: str) -> list[str]:
    """Up to three sentences: the gate, the money, the slices."""
    passed = sum(check.is_passed for check in gate.checks)
    said = "accepts" if gate.is_accepted else "refuses"
    sentences = [f"The gate {said} {version}: {passed} of {len(gate.checks)} checks passed."]
    return [*sentences, _tell_money(record), *_tell_slices(record)]


def describe_version(record: EvaluationRecord, gate: GateDecision, *, page: str) -> str:
    """Return the version's description, Markdown; its first line stands for it in a list.

    Args:
        record: of the version's run.
        gate: its decision.
        page: the report's address below MLflow's.
    """
    rows = list_figures(record)
    first = "Accepted" if gate.is_accepted else "Refused"
    gain = record.comparison.gains.get("money_saved")
    if gain is not None:
        first += f", {signed(STYLES['money_saved'](gain.value))} a day"
    first += f". {escape_markdown(_tell_money(record))}"
    against = escape_markdown(record.champion or "no champion")
    lines = [first, "", f"| | this version | {against} | difference |", "|---|---|---|---|"]
    for row in rows:
        cells = (_cell(*row.value), _cell(*row.champion), _cell(*row.gain))
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    failed = [check for check in gate.checks if not check.is_passed]
    if failed:
        lines += ["", "Why the gate refuses:", ""]
        lines += [f"- {escape_markdown(f'{each.name}: {each.reason}')}" for each in failed]
    for sentence in _tell_slices(record):
        lines += ["", escape_markdown(sentence)]
    lines += ["", f"[Review report]({page})"]
    return "\n".join(lines)


def escape_markdown(text: str) -> str:
    r"""Text that Markdown and HTML leave as it is, behind the beginning of a line.

    >>> escape_markdown("<b> a_b | c")
    '\\<b\\> a\\_b \\| c'
    """
    return ADDRESS.sub(r"\1\\\2", SPECIAL.sub(r"\\\1", " ".join(text.split())))


def worse_slices(record: EvaluationRecord) -> Sequence[str]:
    """Names of the slices that are shown to be worse."""
    return [each.name for each in record.comparison.slices if each.is_worse]


def _tell_money(record: EvaluationRecord) -> str:
    saved = record.comparison.candidate.estimates["money_saved"]
    style, capacity = STYLES["money_saved"], record.review.capacity
    message = f"It saves {style(saved.value)} a day with {capacity:,} reviews a day"
    gain = record.comparison.gains.get("money_saved")
    if gain is None:
        reason = record.champion_problem or "There is no champion to compare it with"
        return f"{message}. {reason}."
    word = "less" if gain.value < 0 else "more"
    message += f", {style(abs(gain.value))} {word} than the champion"
    verdict, _ = _judge("money_saved", gain)
    return f"{message} (95 %: {signed_limits('money_saved', gain)}): {verdict}."


def _tell_slices(record: EvaluationRecord) -> list[str]:
    """One sentence; none without a champion."""
    if record.comparison.champion is None:
        return []
    measured = [each for each in record.comparison.slices if each.is_judged]
    worse = worse_slices(record)
    if not worse:
        return [f"No slice of {len(measured)} is shown to be worse."]
    return [f"{len(worse)} of {len(measured)} slices are shown to be worse: {', '.join(worse)}."]


def _row(
    key: str,
    name: str,
    ours: Estimate,
    theirs: Mapping[str, Estimate],
    gains: Mapping[str, Estimate],
) -> Row:
    style = STYLES[key]
    if key not in gains:
        return Row(
            key, name, (style(ours.value), limits(key, ours)), ("", ""), ("", ""), "", "even"
        )
    gain, current = gains[key], theirs[key]
    verdict, tone = _judge(key, gain)
    return Row(
        key=key,
        name=name,
        value=(style(ours.value), limits(key, ours)),
        champion=(style(current.value), limits(key, current)),
        gain=(signed(style(gain.value)), signed_limits(key, gain)),
        verdict=verdict,
        tone=tone,
    )


def _judge(key: str, gain: Estimate) -> tuple[str, str]:
    """Return the verdict of an interval of a difference, and its tone."""
    if gain.low is None or gain.high is None or gain.low <= 0 <= gain.high:
        return "within chance", "even"
    is_more = gain.value > 0
    better = COMPARED[key].higher_is_better
    if better is None:
        return ("more" if is_more else "fewer"), "even"
    return ("better", "good") if is_more == better else ("worse", "bad")


def _cell(value: str, interval: str) -> str:
    return f"{value} ({interval})" if interval else value
