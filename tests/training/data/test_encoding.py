"""Categories as training learns them."""

import math

import pyarrow as pa

from training.data.encoding import learn_encoding


def test_an_empty_text_is_no_category_but_a_missing_value() -> None:
    rows = pa.table({"channel": ["web", "", None, "pos"]})
    encoding = learn_encoding(rows, {"channel": "categorical"})
    assert encoding.categories == {"channel": ("pos", "web")}
    web, empty, missing, pos = encoding.encode(rows)["channel"].to_pylist()
    assert (web, pos) == (1.0, 0.0)
    assert math.isnan(empty)
    assert math.isnan(missing)
