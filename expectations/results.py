"""Findings in words: table, day, expectation, observed, expected, example keys."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from expectations.contract import EVENT_DAY, TRANSACTION_ID, InputError

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult

CRITICAL, WARNING = "critical", "warning"
MOST_DAYS = 5
EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation that was not met.

    Attributes:
        severity: `critical` stops the run, `warning` does not.
        text: what was expected, of which day, what was observed, and example keys.
        days: the days that did not meet it, if it is about days.
    """

    severity: str
    text: str
    days: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Validated:
    """Findings of the suites in a table.

    Attributes:
        docs: address of the Data Docs page; None where none was asked for.
        profile_version: `PROFILE_VERSION` of the metrics; results of before there was one have 1.
    """

    table: str
    rows: int
    expectations: int
    findings: tuple[Finding, ...]
    docs: str | None = None
    profile_version: int = 1

    def summary(self) -> str:
        """Summarise in one line of words and numbers."""
        return (
            f"Validated {self.table}: {self.rows:,} rows, {self.expectations} expectations, "
            f"{len(self.findings)} not met"
        )

    def refuse_critical(self) -> None:
        """Stop on a critical finding.

        Raises:
            InputError: with every finding.
        """
        if not any(finding.severity == CRITICAL for finding in self.findings):
            return
        ordered = sorted(self.findings, key=lambda finding: finding.severity != CRITICAL)
        page = [f"All results: {self.docs}"] if self.docs else []
        raise InputError(
            "\n".join(
                [
                    f"{self.table} does not meet its contract "
                    f"({len(self.findings)} of {self.expectations} expectations):",
                    *(f"  - {finding.severity}: {finding.text}" for finding in ordered),
                    *page,
                    "Correct the source and ingest it again, or change [contract] in the spec.",
                ]
            )
        )


def describe(
    item: "ExpectationValidationResult", examples: Mapping[str, Sequence[object]]
) -> Finding:
    """Describe in words what a result found.

    Args:
        item: a result that is not a success.
        examples: the ids that a metric counted.
    """
    config = item.expectation_config
    if config is None:
        return Finding(CRITICAL, "an expectation without its configuration")
    metric = str(config.kwargs.get("column", "the table"))
    failure = exception_texts(item.exception_info or {})
    if failure:
        return Finding(CRITICAL, f"{config.type} of {metric} could not run: {failure}")
    severity = str(getattr(config.severity, "value", config.severity))
    expected = config.description or _arguments(config.kwargs)
    keys = list(examples.get(metric, ()))
    listed = (item.result or {}).get("unexpected_index_list") or []
    keys += [row[TRANSACTION_ID] for row in listed if TRANSACTION_ID in row][:EXAMPLES]
    such = f", such as transactions {keys}" if keys else ""
    days = _days(item.result or {}, metric)
    return Finding(
        severity,
        f"{expected} ({config.type} of {metric}{_bounds(config.kwargs)}): "
        f"got {_observed(item.result or {}, days)}{such}",
        tuple(day for day, _ in days),
    )


def _days(result: Mapping[str, Any], metric: str) -> list[tuple[str, object]]:
    """List each day that did not meet it, with its value."""
    listed = result.get("unexpected_index_list") or []
    return [(str(item[EVENT_DAY]), item[metric]) for item in listed if EVENT_DAY in item]


def _observed(result: Mapping[str, Any], days: Sequence[tuple[str, object]]) -> str:
    if days:
        shown = [f"{_number(value)} on {day}" for day, value in days[-MOST_DAYS:]]
        more = f" and on {len(days) - MOST_DAYS} days before" if len(days) > MOST_DAYS else ""
        return ", ".join(shown) + more
    observed = result.get("observed_value")
    if observed is not None:
        return _number(observed)
    count, total = result.get("unexpected_count", 0), result.get("element_count", 0)
    return f"{count:,} of {total:,} rows, such as {result.get('partial_unexpected_list')}"


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else f"{value:.4g}"
    return str(value)


_SILENT = {"batch_id", "column", "description", "severity", "metrics", "real"}


def _bounds(kwargs: Mapping[str, Any]) -> str:
    given = _arguments(kwargs)
    return f", {given}" if given else ""


def _arguments(kwargs: Mapping[str, Any]) -> str:
    return ", ".join(f"{k}={v}" for k, v in kwargs.items() if k not in _SILENT and v is not None)


def exception_texts(info: Mapping[str, object]) -> str:
    """Join the messages of what kept an expectation from running: one, or one a metric of it."""
    each: Iterable[Mapping[str, object]] = [
        info, *(value for value in info.values() if isinstance(value, Mapping))
    ]  # fmt: skip
    messages = (str(item["exception_message"]) for item in each if item.get("exception_message"))
    return "; ".join(dict.fromkeys(messages))
