"""The nightly chain in one process: the same steps and references as the Airflow DAG."""

import time
from collections.abc import Iterator

from pipelines import steps
from pipelines.config import load_spec
from pipelines.lake import writing
from pipelines.steps.dates import refuse_dates


def run_nightly(spec: str, as_of: str, *, ask: str = "automatic") -> Iterator[str]:
    """Run every nightly step in order, handing references on by name.

    Another run of the spec on this machine is waited for.

    Args:
        spec: name or path, with overrides.
        as_of: the knowledge time.
        ask: whether the model is registered; see `steps.register`.

    Yields:
        One line a step: its name, the reference it returned, the seconds it took.
    """
    refuse_dates({"as_of": as_of})
    known = {
        "asked_spec": spec,
        "registered_spec": spec.partition("?")[0],
        "form": "",
        "as_of": as_of,
        "since": "",
        "until": "",
        "author": "",
        "ask": ask,
    }
    configure, *others = (*steps.OPENING, *steps.NIGHTLY)
    known[configure.output] = configure.step(*configure.arguments(known))
    with writing(load_spec(spec).name, doing=f"the run as of {as_of}"):
        for link in others:
            began = time.monotonic()
            known[link.output] = link.step(*link.arguments(known))
            seconds = f"  {time.monotonic() - began:.1f} s" if link in steps.NIGHTLY else ""
            yield f"{link.name:18} {known[link.output]}{seconds}"
