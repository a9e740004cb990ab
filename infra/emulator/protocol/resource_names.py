"""Names of the resources in a request, on which a role must allow it."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import unescape

from botocore.parsers import ResponseParserError, RpcV2CBORParser

ENDS = ("Name", "Names", "NamePrefix", "Namespace", "Arn")


def name_object(path: str, query: str, body: bytes = b"") -> list[str]:
    """Name bucket and key of a request to S3; of a listing, bucket and prefix; of many, each key.

    >>> name_object("/lake/demo/a.parquet", "")
    ['lake/demo/a.parquet']
    >>> name_object("/lake", "list-type=2&prefix=demo%2F")
    ['lake?demo/']
    >>> name_object("/lake", "delete", b"<Delete><Object><Key>a</Key></Object></Delete>")
    ['lake/a']
    """
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    if "delete" in parse_qs(query, keep_blank_values=True):
        return [
            f"{bucket}/{unescape(each)}" for each in re.findall(r"<Key>(.*?)</Key>", body.decode())
        ]
    if key:
        return [f"{bucket}/{key}"]
    (prefix,) = parse_qs(query).get("prefix", [""])
    return [f"{bucket}?{prefix}"]


def name_members(content: Mapping[str, Any]) -> list[str]:
    """List the top-level members of a request that name something.

    >>> name_members({"AlarmNames": ["a", "b"], "MaxRecords": 2})
    ['AlarmNames:a', 'AlarmNames:b']
    """
    return [
        f"{member}:{value}"
        for member, values in content.items()
        if member.endswith(ENDS)
        for value in (values if isinstance(values, list) else [values])
    ]


def read_members(body: bytes, *, protocol: str) -> list[str]:
    """Return the names in a body; none where it is neither CBOR nor JSON."""
    if not body or protocol not in ("cbor", "json"):
        return []
    try:
        if protocol == "cbor":
            parser = RpcV2CBORParser()
            content = parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))
        else:
            content = json.loads(body)
    except (ValueError, ResponseParserError):
        return []  # refused by the service
    return name_members(content) if isinstance(content, dict) else []
