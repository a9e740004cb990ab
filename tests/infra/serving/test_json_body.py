"""Requests in JSON: the short way and the careful way agree, and nothing hostile gets through."""

import json
import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.serving.bundle import Feature
from infra.serving.json_body import JsonReader
from infra.serving.refusal import RequestError
from infra.serving.row import Row
from infra.serving.signature import Signature

FEATURES = (
    Feature("amount", "numeric"),
    Feature("count 7d", "numeric"),
    Feature("channel", "categorical", ("app", "pos")),
)
SIGNATURE = Signature(FEATURES)
READER = JsonReader(SIGNATURE)
GOOD = {"amount": 1.5, "count 7d": 2, "channel": "pos"}


def read(content):
    return READER.read(content if isinstance(content, bytes) else json.dumps(content).encode())


def numbers(row):
    return struct.unpack("3f", row.numbers)


def refusal(content):
    with pytest.raises(RequestError) as caught:
        read(content)
    return caught.value


def test_a_row_holds_its_numbers_in_the_models_order():
    (row,) = read({"instances": [dict(reversed(GOOD.items()))]}).rows
    assert numbers(row) == (1.5, 2.0, 1.0)
    assert row.missing == ()


def test_one_instance_reads_as_a_list_of_one():
    assert read({"instance": GOOD}) == read({"instances": [GOOD]})


def test_null_and_numbers_beyond_32_bits_are_missing():
    (row,) = read({"instance": {"amount": None, "count 7d": 1e39, "channel": None}}).rows
    assert row.missing == (0, 1, 2)
    assert all(math.isnan(number) for number in numbers(row))


def test_the_largest_number_of_32_bits_is_kept():
    largest = 2.0**128 - 2.0**104
    (row,) = read({"instance": {**GOOD, "amount": largest}}).rows
    assert numbers(row)[0] == largest


def test_an_unknown_category_is_refused_or_missing_as_the_client_says():
    unknown = {**GOOD, "channel": "fax"}
    error = refusal({"instances": [GOOD, unknown]})
    assert error.problems == (
        "instances[1].channel: not one of the 2 categories that training saw",
    )
    (row,) = read({"instance": unknown, "unknown_categories": "missing"}).rows
    assert row.missing == (2,)


def test_no_value_of_a_feature_is_repeated_in_a_refusal():
    secret = "4929-1234-5678-9012"
    for instance in ({**GOOD, "channel": secret}, {**GOOD, "amount": secret}):
        error = refusal({"instance": instance})
        assert secret not in f"{error} {error.problems}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"instances": [{"amount": NaN, "count 7d": 1, "channel": null}]}',
        b'{"instances": [{"amount": Infinity, "count 7d": 1, "channel": null}]}',
        b'{"instances": [{"amount": 1' + b"0" * 400 + b', "count 7d": 1, "channel": null}]}',
        b'{"instances": [{"amount": 1e999, "count 7d": 1, "channel": null}]}',
        b'{"instances": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"instances": [' + b'{"amount":' * 100_000 + b"1" + b"}" * 100_000 + b"]}",
        b'{"instances": [{"\xff": 1}]}',
        '{"instance": {"amount": 1, "count 7d": 1, "channel": null}}'.encode("utf-16"),
        b'{"instance": {"amount": 1, "count 7d": 1, "channel": "\\ud800"}}',
        json.dumps({"instance": GOOD, "instances": [GOOD]}).encode(),
        json.dumps({"instances": []}).encode(),
        json.dumps({"instance": GOOD, "reasons": "some"}).encode(),
        json.dumps({"instance": GOOD, "unknown_categories": "guess"}).encode(),
        json.dumps({"instance": GOOD, "resons": "all"}).encode(),
        json.dumps({"reasons": "all"}).encode(),
        json.dumps({"instance": [1.5, 2, "pos"]}).encode(),
    ],
    ids=lambda body: body[:60],
)
def test_what_is_no_request_is_refused(body):
    assert refusal(body).status == 400


def test_of_a_feature_that_stands_twice_the_last_counts():
    (row,) = read(b'{"instance": {"amount": 1, "amount": 3, "count 7d": 2, "channel": null}}').rows
    assert numbers(row)[:2] == (3.0, 2.0)


def test_at_most_100_problems_are_listed_and_the_others_counted():
    error = refusal({"instances": [{**GOOD, "amount": "x"}] * 150})
    assert (len(error.problems), error.problems[-1]) == (101, "and 50 more")
    assert str(error) == "150 problems in the request"


def test_a_long_name_of_no_feature_is_cut():
    (problem,) = refusal({"instance": {**GOOD, "x" * 10_000: 1}}).problems
    assert len(problem) < 120


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(min_value=-(10**25), max_value=10**25),
    st.sampled_from([2.0**128 - 2.0**103, -(2.0**128 - 2.0**103), 3.4028234663852886e38, -0.0]),
    st.sampled_from(["app", "pos", "fax", "", "1"]),
    st.just([]),
)
INSTANCES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("amount", "count 7d", "channel", "other"), VALUES)
)


@settings(max_examples=400, deadline=None)
@given(st.lists(INSTANCES, max_size=3), st.sampled_from(["refuse", "missing"]))
def test_the_short_way_gives_what_the_signature_gives(instances, unknown):
    body = json.dumps({"instances": instances, "unknown_categories": unknown}).encode()
    assert outcome(lambda: READER.read(body).rows) == outcome(
        lambda: SIGNATURE.rows(json.loads(body)["instances"], unknown_categories=unknown)
    )


def outcome(read_rows) -> list[Row] | tuple[str, tuple[str, ...]]:
    try:
        return read_rows()
    except RequestError as error:
        return str(error), error.problems
