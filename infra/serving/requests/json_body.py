"""Reads a request's JSON into rows.

A body as it should be is decoded straight into a class made from the bundle's features. Whatever
that refuses is read again by the signature, which alone decides what is wrong.

msgspec takes the last of two equal keys. Each key brings a colon, and a typed body has at least the
keys of its features: when it has no more colons than those, none of them stands twice.
"""

import math
import struct
from typing import Any

import msgspec

from infra.serving.model import (
    MAX_LISTED_PROBLEMS,
    Feature,
    Instance,
    Reasons,
    RequestError,
    Row,
    Signature,
    UnknownCategories,
    UnknownFeatures,
    category_codes,
    refuse,
    refuse_many,
    shown,
)
from infra.serving.requests.json_text import read_text
from infra.serving.requests.request import Request

UNSET = msgspec.UNSET


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of a request; the signature checks the features of each instance."""

    instances: list[Instance] | msgspec.UnsetType = UNSET
    instance: Instance | msgspec.UnsetType = UNSET
    reasons: Reasons = "alerts"
    unknown_categories: UnknownCategories = "refuse"
    unknown_features: UnknownFeatures = "refuse"


class JsonReader:
    """Reads the requests of one model."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._pack = signature.packer.pack
        self._codes = [
            (at, category_codes(feature))
            for at, feature in enumerate(signature.features)
            if feature.kind == "categorical"
        ]
        self._typed = msgspec.json.Decoder(_body_of(signature.features, is_strict=True))
        self._tolerant = msgspec.json.Decoder(_body_of(signature.features, is_strict=False))

    def read(self, body: bytes) -> Request:
        """Parse a body into rows.

        Raises:
            RequestError: when it is no JSON, or its features are not the model's.
        """
        try:
            fields = self._decode(body)
            instances = _instances_of(fields)
            self._refuse_repeated(fields, body, count=len(instances))
            is_strict = fields.unknown_categories != "missing"
            rows = [self._row(each, is_strict=is_strict) for each in instances]
            if rows:
                return Request(rows, "alerts" if fields.reasons is UNSET else fields.reasons)
        except (msgspec.DecodeError, RecursionError, KeyError, OverflowError, UnicodeError):
            pass
        return self._read_loosely(body)

    def _decode(self, body: bytes) -> Any:
        """Decode a body by type; KeyError for features that the model has not."""
        try:
            return self._typed.decode(body)
        except msgspec.ValidationError:
            fields = self._tolerant.decode(body)
            if fields.unknown_features != "ignore":
                raise KeyError from None
            return fields

    def _refuse_repeated(self, fields: Any, body: bytes, *, count: int) -> None:
        options = (fields.reasons, fields.unknown_categories, fields.unknown_features)
        keys = count * len(self._signature.features) + 4 - options.count(UNSET)
        if body.count(b":") != keys:
            _refuse_keys(read_text(body).repeated)

    def _row(self, instance: msgspec.Struct, *, is_strict: bool) -> Row:
        """Make the row of an instance; KeyError and OverflowError send it to the signature."""
        values: Any = msgspec.structs.astuple(instance)
        if self._codes:
            values = list(values)
            for at, codes in self._codes:
                text = values[at]
                if text is not None:
                    # An empty text is missing unless an older training took it for a category.
                    values[at] = codes[text] if is_strict and text else codes.get(text)
        try:
            # Packing finds a None sooner than a comparison with each value would.
            return Row(self._pack(*values), ())
        except struct.error:
            missing = [at for at, value in enumerate(values) if value is None]
        values = list(values)
        for at in missing:
            values[at] = math.nan
        return Row(self._pack(*values), tuple(missing))

    def _read_loosely(self, body: bytes) -> Request:
        text = read_text(body)
        _refuse_keys(text.repeated)
        try:
            fields = msgspec.convert(text.content, Body)
        except (msgspec.ValidationError, UnicodeError) as error:
            raise RequestError(
                f'The body is not {{"instances": [{{…}}, …]}} or {{"instance": {{…}}}}: {error}'
            ) from error
        instances = _instances_of(fields)
        if fields.unknown_features == "ignore":
            instances = [self._signature.known(instance) for instance in instances]
        rows = self._signature.rows(instances, unknown_categories=fields.unknown_categories)
        if text.constants:
            raise RequestError(f"The body is not JSON: it holds {' and '.join(text.constants)}.")
        return Request(rows, fields.reasons)


def _body_of(features: tuple[Feature, ...], *, is_strict: bool) -> type[Any]:
    """Make a `Body` type whose instances have the features as fields; strict forbids others."""
    kinds = {"numeric": float | None, "categorical": str | None}
    # A feature's name may be no name of Python's; the position always is.
    fields = {f"f{at}": feature for at, feature in enumerate(features)}
    instance = msgspec.defstruct(
        "TypedInstance",
        [(field, kinds[feature.kind]) for field, feature in fields.items()],
        rename={field: feature.name for field, feature in fields.items()},
        forbid_unknown_fields=is_strict,
        gc=False,
    )
    return msgspec.defstruct(
        "TypedBody",
        [
            ("instances", list[instance] | msgspec.UnsetType, UNSET),  # type: ignore[valid-type]
            ("instance", instance | msgspec.UnsetType, UNSET),
            # Unset tells a key that is not there from one with the default as its value.
            ("reasons", Reasons | msgspec.UnsetType, UNSET),
            ("unknown_categories", UnknownCategories | msgspec.UnsetType, UNSET),
            ("unknown_features", UnknownFeatures | msgspec.UnsetType, UNSET),
        ],
        forbid_unknown_fields=True,
        gc=False,
    )


def _instances_of(fields: Any) -> Any:
    """Return the list of instances of a body."""
    if (fields.instances is UNSET) == (fields.instance is UNSET):
        raise RequestError('The body needs "instances" or "instance", one of the two.')
    instances = [fields.instance] if fields.instances is UNSET else fields.instances
    refuse_many(len(instances))
    return instances


def _refuse_keys(repeated: tuple[str, ...]) -> None:
    if repeated:
        listed = [
            f"{shown(key)}: stands twice in one object" for key in repeated[:MAX_LISTED_PROBLEMS]
        ]
        refuse(listed, unlisted=len(repeated) - len(listed))
