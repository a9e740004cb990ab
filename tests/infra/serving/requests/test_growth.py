"""Work in proportion to what a client sends: four times as much takes about four times as long.

Processor time of the smallest of several runs; a quadratic path takes 16 times as long.
"""

import json
import time

import pytest

from infra.serving.model.bundle import Feature
from infra.serving.model.refusal import RequestError
from infra.serving.model.signature import MAX_INSTANCES, Signature
from infra.serving.requests.csv_body import CsvReader
from infra.serving.requests.json_body import JsonReader

SIGNATURE = Signature((
    Feature("amount", "numeric"),
    Feature("count", "numeric"),
    Feature("channel", "categorical", tuple(f"c{number}" for number in range(5_000))),
))  # fmt: skip
READERS = {"csv": CsvReader(SIGNATURE), "json": JsonReader(SIGNATURE)}

GOOD = '{"amount":1,"count":2,"channel":"c4999"}'
WIDE = 40_000
TALL = MAX_INSTANCES // 4
# From a quarter of a shape's size to four times of it. A path in proportion takes 16 times as long,
# a quadratic one 256 times; caches that other processes fill have made 16 into 40.
SMALL, LARGE, MAX_RATIO, RUNS = 1 / 4, 4, 64.0, 4
# Below this the clock tells more of the machine than of the path.
NEGLIGIBLE_SECONDS = 0.004


def keys(count):
    return ",".join(f'"k{number}":1' for number in range(count))


SHAPES = {
    "csv names": ("csv", WIDE, lambda n: "amount," + ",".join(f"a{k}" for k in range(n))),
    "csv same name": ("csv", WIDE, lambda n: ",".join(["amount"] * n)),
    "csv rows": ("csv", TALL, lambda n: "1,2,c4999\n" * n),
    "csv rows that are wrong": ("csv", TALL, lambda n: "x,y,z\n" * n),
    "csv rows of another width": ("csv", TALL, lambda n: "1\n" * n),
    "csv empty rows": ("csv", 400_000, lambda n: "\n" * n),
    "csv cells": ("csv", 400_000, lambda n: "1," * n),
    "csv quotes": ("csv", 400_000, lambda n: '"' + '""' * n + '",2,c1'),
    "csv open quote": ("csv", 100_000, lambda n: '"\n' * n),
    "csv lines in a cell": ("csv", 100_000, lambda n: '"' + "\n" * n + '",2,c1'),
    "csv digits": ("csv", 30_000, lambda n: "1" * n + ",2,c1"),
    "csv nearly a number": ("csv", 30_000, lambda n: "1" * n + "x,2,c1"),
    "json unknown keys": ("json", WIDE, lambda n: f'{{"instance":{{{keys(n)}}}}}'),
    "json ignored keys": (
        "json", WIDE,
        lambda n: f'{{"unknown_features":"ignore","instance":{{{keys(n)},{GOOD[1:]}}}',
    ),
    "json unknown fields": ("json", WIDE, lambda n: f"{{{keys(n)}}}"),
    "json one key again": (
        "json", WIDE, lambda n: '{"instance":{' + '"amount":1,' * n + GOOD[1:] + "}",
    ),
    "json keys twice": ("json", WIDE, lambda n: f'{{"instance":{{{keys(n)},{keys(n)}}}}}'),
    "json instances": ("json", TALL, lambda n: f'{{"instances":[{",".join([GOOD] * n)}]}}'),
    "json empty instances": ("json", 400_000, lambda n: f'{{"instances":[{{}}{",{}" * n}]}}'),
    "json wrong instances": (
        "json", TALL,
        lambda n: '{"instances":[' + ",".join(['{"amount":"x","b":1}'] * n) + "]}",
    ),
    "json nested lists": ("json", WIDE, lambda n: '{"instances":' + "[" * n + "]" * n + "}"),
    "json nested objects": (
        "json", WIDE, lambda n: '{"instance":' + '{"amount":' * n + "1" + "}" * n + "}",
    ),
    "json digits": (
        "json", WIDE, lambda n: '{"instance":{"amount":' + "1" * n + ',"count":2,"channel":null}}',
    ),
    "json digits of a fraction": (
        "json", WIDE, lambda n: '{"instance":{"amount":0.' + "1" * n + ',"count":"","channel":1}}',
    ),
    "json a long category": (
        "json", 400_000,
        lambda n: '{"instance":{"amount":1,"count":2,"channel":"' + ":" * n + '"}}',
    ),
    "json escapes": (
        "json", 100_000, lambda n: '{"instance":{"channel":"' + "\\u00e4" * n + '"}}',
    ),
    "json spaces": ("json", 400_000, lambda n: " " * n + '{"instance":' + GOOD + "}"),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_reading_takes_time_in_proportion_to_the_body(shape):
    kind, count, write = SHAPES[shape]
    small, large = (write(int(size * count)).encode() for size in (SMALL, LARGE))
    read = READERS[kind].read
    ratio = seconds(read, large) / max(seconds(read, small), NEGLIGIBLE_SECONDS)
    assert ratio < MAX_RATIO


def test_a_refusal_is_bounded_whatever_is_wrong():
    for kind, count, write in SHAPES.values():
        error = refusal(READERS[kind].read, write(count).encode())
        written = json.dumps([str(error), *getattr(error, "problems", ())])
        assert len(written) < 20_000


def seconds(read, body):
    """The processor time of one reading, refused or not."""
    taken = []
    for _ in range(RUNS):
        began = time.process_time()
        refusal(read, body)
        taken.append(time.process_time() - began)
    return min(taken)


def refusal(read, body):
    try:
        read(body)
    except RequestError as error:
        return error
    return None
