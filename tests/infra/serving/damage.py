"""Loads damaged texts of a model, each in a process of its own, and prints how the odd ones end.

A program, not a part of the test: a fork of a process that has trained with LightGBM cannot use
LightGBM's threads.
"""

import json
import random
import re
import struct
import sys
from itertools import pairwise
from pathlib import Path

from infra.serving.model.booster import Booster
from infra.serving.model.bundle import BundleError
from infra.serving.model.trial_load import try_apart

SECONDS = 30.0
ROWS = [struct.pack("=4f", *row) for row in ((1, 2, 3, 1), (-1e30, 1e30, float("nan"), -7))]
ODD = [b"0", b"-1", b"6", b"99999", b"1e308", b"1e999", b"nan", b"-8", b"2147483648"]


def main(model: Path, count: int) -> None:
    good, damaged = model.read_bytes(), model.with_name("damaged.txt")

    def load() -> None:
        booster = Booster(damaged)
        for row in ROWS if booster.width == len(ROWS[0]) // 4 else ():
            booster.predict(row)
            booster.contributions(row)

    ended = {}
    for number in range(count):
        damaged.write_bytes(damage(good, number))
        try:
            try_apart(load, seconds=SECONDS)
        except BundleError as error:
            if "ended the process" in str(error) or "did not load within" in str(error):
                ended[number] = str(error)
    sys.stdout.write(json.dumps(ended))


def damage(text: bytes, number: int) -> bytes:
    """Cut it, change a byte, or change a number and let `tree_sizes` fit."""
    chance = random.Random(number)
    end = text.index(b"end of trees")
    if number % 3 == 0:
        return text[: chance.randrange(len(text))]
    if number % 3 == 1:
        changed = bytearray(text)
        changed[chance.randrange(end)] = chance.randrange(256)
        return bytes(changed)
    lines = text[:end].split(b"\n")
    at = chance.randrange(len(lines))
    values = lines[at].split(b" ")
    values[chance.randrange(len(values))] = chance.choice(ODD)
    lines[at] = b" ".join(values)
    return resize(b"\n".join(lines) + text[end:])


def resize(text: bytes) -> bytes:
    """Let `tree_sizes` fit the trees, so that nothing but the change itself is wrong."""
    end = text.index(b"end of trees")
    starts = [found.start() for found in re.finditer(rb"(?m)^Tree=\d+$", text[:end])] + [end]
    sizes = b" ".join(b"%d" % (to - at) for at, to in pairwise(starts))
    return re.sub(rb"(?m)^tree_sizes=.*$", b"tree_sizes=" + sizes, text, count=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
