"""The nightly chain in one process: the same steps and references as the Airflow DAG."""

import inspect
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
    given = {"spec": steps.configure(spec), "as_of": as_of, "ask": ask}
    with writing(load_spec(spec).name, doing=f"the run as of {as_of}"):
        registered = spec.partition("?")[0]  # what is decided goes by the spec as it stands
        yield f"{steps.reconcile.__name__:18} {steps.reconcile(registered)}"
        for step, produced in steps.NIGHTLY.items():
            began = time.monotonic()
            wanted = inspect.signature(step).parameters
            given[produced] = step(**{name: given[name] for name in wanted if name in given})
            yield f"{step.__name__:18} {given[produced]}  {time.monotonic() - began:.1f} s"
