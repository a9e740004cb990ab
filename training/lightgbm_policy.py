"""`[training.lightgbm]` of a spec: what is given to LightGBM instead of searched."""

from typing import Annotated

from pydantic import Field

from expectations.contract import FrozenModel

Param = float | int | bool


class LightGBMPolicy(FrozenModel):
    """Parameters of LightGBM; one that is not given is searched.

    Attributes:
        members: models of different seeds that are averaged into one.
        rounds: trees of a model; not given: as many as its validation folds are best with.
        num_leaves: leaves of a tree.
        max_depth: levels of a tree.
        min_data_in_leaf: rows that a leaf holds at least.
        max_bin: bins of a column.
        min_data_in_bin: rows that a bin holds at least.
        learning_rate: share of each tree's correction that is taken.
        min_sum_hessian_in_leaf: sum of second derivatives that a leaf holds at least.
        lambda_l1: weight of the L1 penalty.
        lambda_l2: weight of the L2 penalty.
        feature_fraction: share of the columns that a tree reads.
        bagging_fraction: share of the rows that a tree reads.
        negative_rate: share of the legitimate rows that is trained on, each weighted for those
            left out.
        boost_from_average: begin with the log odds of all rows.
    """

    members: Annotated[int, Field(ge=1, le=100)] = 3
    rounds: Annotated[int | None, Field(strict=True, ge=1, le=10_000)] = None
    num_leaves: Annotated[int | None, Field(strict=True, ge=2, le=1_024)] = None
    max_depth: Annotated[int | None, Field(strict=True, ge=1, le=32)] = None
    min_data_in_leaf: Annotated[int | None, Field(strict=True, ge=1, le=100_000)] = None
    max_bin: Annotated[int | None, Field(strict=True, ge=15, le=65_535)] = None
    min_data_in_bin: Annotated[int | None, Field(strict=True, ge=1, le=10_000)] = None
    learning_rate: Annotated[float | None, Field(strict=True, ge=1e-4, le=1)] = None
    min_sum_hessian_in_leaf: Annotated[float | None, Field(strict=True, ge=0, le=1e6)] = None
    lambda_l1: Annotated[float | None, Field(strict=True, ge=0, le=1e6)] = None
    lambda_l2: Annotated[float | None, Field(strict=True, ge=0, le=1e6)] = None
    feature_fraction: Annotated[float | None, Field(strict=True, ge=0.01, le=1)] = None
    bagging_fraction: Annotated[float | None, Field(strict=True, ge=0.01, le=1)] = None
    negative_rate: Annotated[float | None, Field(strict=True, ge=0.001, le=1)] = None
    boost_from_average: Annotated[bool | None, Field(strict=True)] = None

    @property
    def given(self) -> dict[str, Param]:
        """Parameters that are not searched."""
        return self.model_dump(exclude={"members"}, exclude_none=True)
