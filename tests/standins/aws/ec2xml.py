"""Plain EC2 answers as XML, many times faster than the general way: the instance types alone are 200,000 elements."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import OperationModel, Shape

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"


def document(operation: OperationModel, result: Mapping[str, Any]) -> str:
    """A whole answer; `result` has AWS's names and only plain values."""
    inner = "".join(_members(result, operation.output_shape))
    name = f"{operation.name}Response"
    head = f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{NAMESPACE}">'
    return f"{head}<requestId>standin</requestId>{inner}</{name}>"


def _members(value: Mapping[str, Any], shape: Any) -> Iterator[str]:
    for name, member in value.items():
        inner = shape.members.get(name)
        if member is not None and inner is not None:
            tag = inner.serialization.get("name", name)
            yield f"<{tag}>{_text(member, inner)}</{tag}>"


def _text(value: Any, shape: Shape | Any) -> str:
    if shape.type_name == "structure":
        return "".join(_members(value, shape))
    if shape.type_name == "list":
        return "".join(f"<item>{_text(one, shape.member)}</item>" for one in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S.000Z}"
    return escape(str(value))
