"""The base of every configuration model."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """Base of all parts of a spec: frozen, and an unknown key is a problem."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
