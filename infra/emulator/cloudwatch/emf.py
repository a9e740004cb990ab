"""Metrics in a line of a container's output: CloudWatch's Embedded Metric Format.

On AWS the log agent takes them out of the log stream; here the reader of the container does.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of a metric.

    Attributes:
        dimensions: pairs of name and value, sorted.
    """

    namespace: str
    name: str
    dimensions: Dimensions
    values: tuple[float, ...]


def read_line(line: bytes) -> list[Sample] | None:
    """Return the metrics of a line; None when it is no line of metrics.

    >>> read_line(b'{"_aws": {"CloudWatchMetrics": [{"Namespace": "N", "Dimensions": [["E"]],'
    ...           b'"Metrics": [{"Name": "Rows"}]}]}, "E": "demo", "Rows": 3}')
    [Sample(namespace='N', name='Rows', dimensions=(('E', 'demo'),), values=(3.0,))]
    """
    if not line.startswith(b"{") or b'"_aws"' not in line:
        return None
    try:
        return list(_samples(json.loads(line)))
    except (ValueError, KeyError, TypeError):
        return None


def _samples(content: dict[str, Any]) -> Iterator[Sample]:
    for directive in content["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = tuple(sorted((name, str(content[name])) for name in names))
            for metric in directive["Metrics"]:
                # A metric that is declared and absent is no error: nothing was measured.
                if metric["Name"] not in content:
                    continue
                value = content[metric["Name"]]
                values = value if isinstance(value, list) else [value]
                numbers = tuple(float(number) for number in values)
                yield Sample(directive["Namespace"], metric["Name"], dimensions, numbers)
