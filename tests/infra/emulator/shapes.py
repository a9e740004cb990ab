"""Requests made from botocore's model of SageMaker: valid ones, and ones broken at one place."""

import re

# Values that fit the patterns of the model, the first that fits is taken.
CANDIDATES = (
    "valid-name", "1", "s3://bucket/key", "arn:aws:iam::123456789012:role/serving",
    "arn:aws:sagemaker:us-east-1:123456789012:model-package/name",
    "arn:aws:sagemaker:us-east-1:123456789012:endpoint/name",
    "arn:aws:sns:us-east-1:123456789012:topic", "text/csv", "a=b", "sg-12345678",
    "arn:aws:lambda:us-east-1:123456789012:function:f", "arn:aws:s3:::b", "https://host/path",
    "arn:aws:sagemaker:us-east-1:123456789012:inference-component/name", "b" * 64, "1.0",
    "arn:aws:sagemaker:us-east-1:123456789012:hub-content/h/Model/m/1.0.0", "ml.m5.large",
    "arn:aws:sagemaker:us-east-1:123456789012:ml-reservation/x", "en", "[a]", "/metrics",
)  # fmt: skip
MISFITS = ("!", "a b", "\n", "", "-", "ÿ")
MAX_SIZE = 5_000
MAX_DEPTH = 6


def valid(shape, depth=0):
    """The smallest value that a shape takes."""
    if shape.type_name == "structure":
        if depth > MAX_DEPTH:
            return {}
        names = list(shape.required_members)
        if getattr(shape, "is_tagged_union", False):
            names = list(shape.members)[:1]
        return {name: valid(shape.members[name], depth + 1) for name in names}
    if shape.type_name == "list":
        return [valid(shape.member, depth + 1)] * max(1, shape.metadata.get("min", 0))
    if shape.type_name == "map":
        return {valid(shape.key): valid(shape.value)}
    return _valid_text(shape) if shape.type_name == "string" else _valid_scalar(shape)


def broken(shape, depth=0):
    """Pairs of why and value: each value differs from a valid one at one place."""
    if depth > MAX_DEPTH:
        return
    if shape.type_name == "structure":
        yield from _broken_structure(shape, depth)
    elif shape.type_name == "list":
        yield from _broken_list(shape, depth)
    elif shape.type_name == "map":
        yield "not a map", "text"
        for why, value in broken(shape.value, depth + 1):
            yield f"value {why}", {valid(shape.key): value}
    elif shape.type_name == "string":
        yield from _broken_text(shape)
    elif shape.type_name == "boolean":
        yield "not a boolean", "text"
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield "not a number", "text"
        if "max" in shape.metadata:
            yield "above the maximum", shape.metadata["max"] + 1
        if "min" in shape.metadata:
            yield "below the minimum", shape.metadata["min"] - 1


def lacking(value, shape, where=""):
    """Where a reply lacks a required member."""
    if shape.type_name == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"{where}.{name}"
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from lacking(value[name], member, f"{where}.{name}")
    elif shape.type_name == "list":
        for one in value:
            yield from lacking(one, shape.member, where)


def _broken_structure(shape, depth):
    whole = valid(shape, depth)
    yield "not a structure", "text"
    yield "unknown member", {**whole, "NoSuchMember": 1}
    for name in shape.required_members:
        yield f"without {name}", {key: value for key, value in whole.items() if key != name}
    for name, member in shape.members.items():
        rest = {} if getattr(shape, "is_tagged_union", False) else whole
        for why, value in broken(member, depth + 1):
            yield f"{name}: {why}", {**rest, name: value}


def _broken_list(shape, depth):
    yield "not a list", "text"
    most = shape.metadata.get("max", MAX_SIZE)
    if most < MAX_SIZE:
        yield "too many", [valid(shape.member, depth + 1)] * (most + 1)
    if shape.metadata.get("min", 0) > 0:
        yield "too few", []
    for why, value in broken(shape.member, depth + 1):
        yield f"member {why}", [value]


def _broken_text(shape):
    yield "not a text", 5
    most = shape.metadata.get("max", MAX_SIZE)
    if most < MAX_SIZE:
        yield "too long", "x" * (most + 1)
    if shape.enum:
        yield "no choice", "no-such-choice"
    pattern = shape.metadata.get("pattern")
    # Java's character classes are not Python's.
    if pattern and "\\p{" not in pattern:
        least = shape.metadata.get("min", 0)
        misfits = [
            text for text in MISFITS if len(text) >= least and not re.fullmatch(pattern, text)
        ]
        if misfits:
            yield "against the pattern", misfits[0]


def _valid_scalar(shape):
    if shape.type_name in ("integer", "long", "float", "double"):
        return max(1, shape.metadata.get("min", 0))
    return {"boolean": True, "timestamp": 1_700_000_000, "blob": ""}[shape.type_name]


def _valid_text(shape):
    if shape.enum:
        return shape.enum[0]
    pattern = shape.metadata.get("pattern", ".*")
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", MAX_SIZE)
    for text in CANDIDATES:
        fits = "\\p{" in pattern or re.fullmatch(pattern, text)
        if fits and least <= len(text) <= most:
            return text
    raise AssertionError(f"No candidate fits {shape.name}: {pattern}, {least} to {most}")
