from typing import Any

import botocore.session
import msgspec
import pytest

from agent.aws import models


def described(*, packed: bool, service: str) -> Any:
    session = botocore.session.Session()
    if packed:
        session.register_component("data_loader", models.loader())
    return session.get_service_model(service)


def parts(shape: Any, depth: int = 4) -> object:
    """A shape with all that it is made of, down to some depth."""
    members = {name: parts(one, depth - 1) for name, one in getattr(shape, "members", {}).items()} if depth else {}
    inner = parts(shape.member, depth - 1) if shape.type_name == "list" and depth else None
    return shape.name, shape.type_name, dict(shape.serialization), members, inner


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("ec2", "DescribeInstances"),
        ("rds", "CreateDBInstanceReadReplica"),  # described in two files
        ("s3", "ListParts"),
        ("cloudwatch", "GetMetricData"),
        ("lambda", "ListTags"),  # has members that are called like manuals
    ],
)
def test_a_packed_service_is_described_as_botocore_describes_it(service: str, operation: str) -> None:
    ours, theirs = (described(packed=packed, service=service) for packed in (True, False))
    assert ours.operation_names == theirs.operation_names
    mine, its = ours.operation_model(operation), theirs.operation_model(operation)
    assert parts(mine.input_shape) == parts(its.input_shape)
    assert parts(mine.output_shape) == parts(its.output_shape)
    assert mine.http == its.http


def test_what_no_call_needs_stays_text_without_its_manual() -> None:
    shapes = models.loader().load_service_model("autoscaling", "service-2")["shapes"]
    kept = [part for part in shapes.values() if isinstance(part, bytes)]
    assert len(kept) > 100
    assert not any(b"<p>" in part for part in kept)


def test_a_member_that_is_called_documentation_is_no_manual() -> None:
    shape = models.Packed.of(
        {"Part": msgspec.Raw(b'{"members":{"documentation":{"shape":"S"}},"documentation":"<p>"}')}
    )
    assert shape["Part"] == {"members": {"documentation": {"shape": "S"}}}
