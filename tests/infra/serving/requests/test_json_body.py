"""Requests in JSON: the short way and the careful way agree, and nothing hostile gets through."""

import json
import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.serving.model.bundle import Feature
from infra.serving.model.refusal import RequestError
from infra.serving.model.row import Row
from infra.serving.model.signature import MAX_INSTANCES, Signature
from infra.serving.requests.json_body import JsonReader

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


@pytest.mark.parametrize("unknown", ["refuse", "missing"])
def test_an_empty_category_is_missing(unknown):
    (row,) = read({"instance": {**GOOD, "channel": ""}, "unknown_categories": unknown}).rows
    assert row.missing == (2,)
    (careful,) = SIGNATURE.rows([{**GOOD, "channel": ""}], unknown_categories=unknown)
    assert careful == row


def test_an_empty_category_that_training_saw_is_one():
    signature = Signature((Feature("channel", "categorical", ("", "pos")),))
    (row,) = JsonReader(signature).read(b'{"instance": {"channel": ""}}').rows
    assert struct.unpack("f", row.numbers) == (0.0,)


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


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        ('{"instance": {"amount": 1, "amount": 3, "count 7d": 2, "channel": null}}', ["amount"]),
        ('{"instance": {"amount": 1, "a\\u006dount": 3, "count 7d": 2}}', ["amount"]),
        ('{"instances": [GOOD, {"count 7d": 1, "amount": 1, "count 7d": 2}]}', ["count 7d"]),
        ('{"instance": GOOD, "instance": GOOD}', ["instance"]),
        ('{"instances": [GOOD], "reasons": "none", "reasons": "all"}', ["reasons"]),
        ('{"instance": {"amount": "x", "amount": 3, "count 7d": 2, "channel": null}}', ["amount"]),
        (
            '{"unknown_features": "ignore", "instance": {"other": 1, "other": 2, "amount": 1,'
            ' "count 7d": 2, "channel": null}}',
            ["other"],
        ),
        (
            '{"unknown_features": "ignore", "instance": {"other": {"a": {"b": 1, "b": 2}},'
            ' "amount": 1, "count 7d": 2, "channel": null}}',
            ["b"],
        ),
        (
            '{"unknown_categories": "missing", "instance": {"amount": 1, "amount": 2,'
            ' "count 7d": 2, "channel": "a:b"}}',
            ["amount"],
        ),
        ('{"instance": {"a": 1, "a": 1, "b": 1, "b": 1}}', ["a", "b"]),
    ],
)  # fmt: skip
def test_a_key_that_stands_twice_in_an_object_is_refused_by_its_name(body, keys):
    error = refusal(body.replace("GOOD", json.dumps(GOOD)).encode())
    assert error.problems == tuple(f"{key}: stands twice in one object" for key in keys)


def test_colons_in_texts_and_every_option_at_once_are_no_keys():
    features = (Feature("amount", "numeric"), Feature("kind: of", "categorical", ("a:b", "::")))
    reader = JsonReader(Signature(features))
    asked = {
        "instances": [{"amount": 1, "kind: of": "a:b"}, {"amount": 2, "kind: of": "::"}],
        "reasons": "all", "unknown_categories": "missing", "unknown_features": "refuse",
    }  # fmt: skip
    request = reader.read(json.dumps(asked).encode())
    assert [struct.unpack("2f", row.numbers) for row in request.rows] == [(1.0, 0.0), (2.0, 1.0)]
    assert request.reasons == "all"


BEYOND = "expected a number, got one beyond the range of a double"


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("NaN", "expected a number or null, got NaN"),
        ("Infinity", BEYOND),
        ("-Infinity", BEYOND),
        ("1e999", BEYOND),
        ("1" * 5_000, BEYOND),
    ],
    ids=["nan", "infinity", "minus infinity", "1e999", "5,000 digits"],
)  # fmt: skip
def test_a_number_that_json_does_not_have_is_refused_by_its_feature(number, problem):
    odd = json.dumps(GOOD).replace("1.5", number)
    assert refusal(f'{{"instances": [{json.dumps(GOOD)}, {odd}]}}'.encode()).problems == (
        f"instances[1].amount: {problem}",
    )


def test_nan_is_no_json_in_a_feature_that_is_ignored_either():
    ignored = json.dumps({**GOOD, "other": math.nan})
    assert "NaN" in str(
        refusal(f'{{"unknown_features": "ignore", "instance": {ignored}}}'.encode())
    )


def test_a_byte_order_mark_and_another_encoding_are_told_apart():
    body = json.dumps({"instance": GOOD})
    assert "byte order mark" in str(refusal(body.encode("utf-8-sig")))
    assert "UTF-8" in str(refusal(body.encode("utf-16")))


def test_a_name_that_utf_8_cannot_write_is_refused_in_utf_8():
    error = refusal(b'{"instance": {"amount": 1, "count 7d": 1, "channel": null, "\\ud800": 1}}')
    assert json.dumps(error.problems).encode().decode()
    assert all(problem.encode() for problem in error.problems)


def test_more_instances_than_a_request_may_hold_are_refused():
    assert refusal({"instances": [GOOD] * (MAX_INSTANCES + 1)}).status == 413
    assert len(read({"instances": [GOOD] * MAX_INSTANCES}).rows) == MAX_INSTANCES


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
