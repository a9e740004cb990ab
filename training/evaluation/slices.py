"""Parts of a test window that a mean over all rows may hide: amounts, hours, kinds of customers."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_TIME
from training.data import Dataset

Mask = npt.NDArray[np.bool_]

AMOUNT_QUANTILES = (0.5, 0.9)
HOURS = (0, 6, 12, 18, 24)
MAX_CATEGORIES = 10


def slice_masks(
    test: Dataset, train: Dataset, *, entities: Sequence[str], categories: Sequence[str]
) -> Mapping[str, Mask]:
    """Name of each slice to the test rows in it; the slices of one kind hold every row once.

    Args:
        test: the rows that are divided.
        train: says which amounts are usual and how often an entity was seen.
        entities: columns that name customers, terminals, …; the first is the customer.
        categories: categorical columns.
    """
    masks: dict[str, Mask] = {}
    masks |= _amount_bands(test, train)
    hours = pc.hour(test.metadata[EVENT_TIME]).to_numpy()
    for low, high in pairwise(HOURS):
        masks[f"hour {low:02d}-{high:02d}"] = (hours >= low) & (hours < high)
    for entity in entities:
        masks |= _activity(test, train, entity, tells_new=entity == entities[0])
    for column in categories:
        masks |= _by_category(test, column)
    return {name: mask for name, mask in masks.items() if mask.any()}


def _amount_bands(test: Dataset, train: Dataset) -> dict[str, Mask]:
    amounts = train.amounts[np.isfinite(train.amounts)]
    middle, high = np.quantile(amounts, AMOUNT_QUANTILES)
    return {
        f"amount under {middle:.4g}": test.amounts < middle,
        f"amount {middle:.4g}-{high:.4g}": (test.amounts >= middle) & (test.amounts < high),
        f"amount from {high:.4g}": test.amounts >= high,
    }


def _activity(test: Dataset, train: Dataset, entity: str, *, tells_new: bool) -> dict[str, Mask]:
    """By how often the row's entity was seen in the train window: not at all, seldom, often."""
    counted = train.metadata.group_by(entity).aggregate([([], "count_all")])
    position = pc.index_in(test.metadata[entity], value_set=counted[entity].combine_chunks())
    seen = counted["count_all"].take(position.combine_chunks()).fill_null(0).to_numpy()
    middle = float(np.median(counted["count_all"].to_numpy()))
    name = entity.removesuffix("_id")
    is_new = seen == 0
    masks = {
        f"{name} seen up to {middle:.0f} times": ~is_new & (seen <= middle),
        f"{name} seen more often": seen > middle,
    }
    first = {f"new {name}": is_new} if tells_new else {f"{name} never seen": is_new}
    return {**first, **masks}


def _by_category(test: Dataset, column: str) -> dict[str, Mask]:
    values = test.metadata[column].cast(pa.string())
    counts = sorted(pc.value_counts(values).to_pylist(), key=lambda each: -each["counts"])
    masks = {}
    for each in counts[:MAX_CATEGORIES]:
        own = pc.equal(values, each["values"]) if each["values"] is not None else values.is_null()
        mask: Mask = pc.fill_null(own, False).to_numpy()  # noqa: FBT003  # Arrow's signature
        masks[f"{column} {each['values'] if each['values'] is not None else 'missing'}"] = mask
    return masks
