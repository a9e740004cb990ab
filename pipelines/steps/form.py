"""The form of a nightly run in Airflow: typed here, shown and checked there, then a spec reference.

What a JSON schema can say is refused when a run is triggered; what it cannot, such as a feature
over a column that is none, by the run's first step, before anything is read.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import quote

import tomlkit
from pydantic import Field, ValidationError

from expectations.contract import FrozenModel, format_duration, refuse_any
from pipelines.config import (
    FEATURES_ADDED,
    SECTIONS,
    ModelSpec,
    explain,
    load_spec,
    refuse_unplain,
    request_kinds,
)

log = logging.getLogger(__name__)

# What Airflow's page takes; the whole of it is checked by the run's first step.
_CHANGE = rf"({'|'.join(SECTIONS)})[.=][^&]*"
_CHANGES = rf"^\s*({_CHANGE}(&{_CHANGE})*&?)?$"

Length = Annotated[str, Field(pattern=r"^[0-9]+(us|ms|s|m|h|d)$", examples=["20m", "56d"])]


class NightlyForm(FrozenModel):
    """The settings that a person may choose for one run; an empty one is as in the spec.

    Every field may be null, but for one with a choice: what may not be null is required on
    Airflow's page, where an empty text is nothing, and nobody can trigger a run without it.
    """

    as_of: date | None = Field(
        None, title="Knowledge date",
        description="nothing that became known on this day or later is used, UTC; empty: the day "
        "on which the run starts",
    )  # fmt: skip
    since: date | None = Field(
        None, alias="from", title="Features from",
        description="build all days from this one on, whatever changed; empty: what changed",
    )  # fmt: skip
    until: date | None = Field(
        None, alias="to", title="Features before",
        description="build days before this one, which is not built itself; empty: to the newest",
    )  # fmt: skip
    trials: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, title="Trials", description="sets of parameters that the search tries"
    )
    time_budget: Length | None = Field(
        None, title="Time budget of the search", description="such as 20m or 2h"
    )
    history: Length | None = Field(
        None, title="Training history", description="[training] train_window, such as 56d"
    )
    leave_out: tuple[str, ...] | None = Field(
        None, title="Columns left out", description="columns that this run's model does not read"
    )
    add_features: str | None = Field(
        None, title="Features added", description="TOML, such as [[features.windows]] …"
    )
    overrides: str | None = Field(
        None, title="Other changes to the spec",
        description="section.key=value, joined by &: training.seed=1&gate.margin=0.05; "
        f"sections: {', '.join(SECTIONS)}",
    )  # fmt: skip
    register_: Literal["automatic", "yes", "no"] = Field(
        "automatic", alias="register", title="Register the model",
        description="automatic: unless this run changes anything of the spec",
    )  # fmt: skip

    def changes(self) -> Iterator[str]:
        """Write the overrides of the spec, as they follow the question mark of its reference."""
        if self.trials is not None:
            yield f"training.trials={self.trials}"
        if self.time_budget is not None:
            yield f"training.time_budget={self.time_budget}"
        if self.history is not None:
            yield f"training.train_window={self.history}"
        if self.leave_out:
            listed = tomlkit.item(self.leave_out).as_string()
            yield f"training.leave_out={quote(listed, safe='')}"
        if added := (self.add_features or "").strip():
            yield f"{FEATURES_ADDED}={quote(added, safe='')}"
        yield from filter(None, (self.overrides or "").strip().split("&"))


def form_schema(spec: ModelSpec) -> Mapping[str, dict[str, Any]]:
    """Name of each field to its default and its JSON schema, for one spec."""
    properties = NightlyForm.model_json_schema(by_alias=True)["properties"]
    fields = {name: _flat(schema) for name, schema in properties.items()}
    columns = list(request_kinds(spec))
    fields["leave_out"] |= {"items": {"type": "string", "enum": columns}, "examples": columns}
    fields["add_features"]["format"] = "multiline"
    fields["overrides"]["pattern"] = _CHANGES
    if spec.schedule.as_of is not None:
        fields["as_of"]["default"] = str(spec.schedule.as_of)
    for name, value in _present(spec).items():
        fields[name]["description"] += f"; {value} in the spec"
    return fields


def _present(spec: ModelSpec) -> dict[str, str]:
    """Present value in the spec of each field that changes it."""
    training = spec.training
    budget = training.time_budget
    return {
        "trials": str(training.trials),
        "time_budget": "none" if budget is None else format_duration(budget),
        "history": format_duration(training.train_window),
        "leave_out": ", ".join(training.leave_out) or "none",
    }


def configure_night(reference: str, form: str) -> str:
    """Check a form and return the spec reference with its changes.

    Raises:
        ProblemsError: with everything that is wrong in the form.
    """
    try:
        asked = NightlyForm.model_validate_json(form or "{}")
    except ValidationError as error:
        refuse_any("the form", explain(error))
        raise  # not reached: a validation error has at least one problem
    if asked.since and asked.until and asked.since >= asked.until:
        refuse_any("the form", [f"from: {asked.since} is not before to, {asked.until}"])
    refuse_unplain({name: getattr(asked, name) for name in ("add_features", "overrides")})
    changes = list(asked.changes())
    if not changes:
        load_spec(reference)
        return reference
    changed = f"{reference}{'&' if '?' in reference else '?'}{'&'.join(changes)}"
    load_spec(changed)
    log.info("This run changes the spec: %s", changed)
    return changed


def _flat(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten the schema of a nullable field to the one level that Airflow's page can show."""
    flat = {key: value for key, value in schema.items() if key != "anyOf"}
    kinds = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    for kind in kinds:
        flat |= {**kind, "type": ["null", kind["type"]]}
    return flat
