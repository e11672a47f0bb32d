"""One API call, read from HTTP by the vendor's own models, and its answer, written by them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from botocore.exceptions import UnknownServiceError
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import XFormedAttributePicker, get_serializer_class
from moto.core.utils import get_service_model
from moto.ec2.responses._base_response import EC2BaseResponse
from werkzeug.exceptions import NotFound

from tests.standins.aws.ec2xml import document
from tests.standins.aws.errors import AwsError

_CREDENTIAL = re.compile(r"Credential=([A-Z0-9]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_BY_SIGNING_NAME = {
    "monitoring": ("cloudwatch",),
    "elasticloadbalancing": ("elbv2", "elb"),
    "es": ("opensearch", "es"),
    "tagging": ("resourcegroupstaggingapi",),
    "elasticfilesystem": ("efs",),
}

_PLAIN = frozenset({"DescribeInstanceTypes", "DescribeRegions"})
"""Answers of EC2 that are made of plain values, for the fast way of writing them."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What the signature of a request says: who, where, and which service."""

    access_key: str
    region: str
    signing_name: str


@dataclass(frozen=True, slots=True)
class Call:
    """An operation with its parameters, under botocore's names."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    access_key: str
    account: str
    region: str
    protocol: str = ""

    def get(self, name: str, default: Any = None) -> Any:
        return self.parameters.get(name, default)


Body = tuple[int, Mapping[str, str], bytes]


def signed(request: Request) -> Signed | None:
    found = _CREDENTIAL.search(request.headers.get("Authorization", ""))
    return Signed(*found.groups()) if found else None


def read(request: Request, who: Signed, account: str) -> Call | None:
    """The call in a request; None where botocore has no such operation."""
    for name in _BY_SIGNING_NAME.get(who.signing_name, (who.signing_name,)):
        found = _operation(name, request)
        if found is not None:
            operation, uri = found
            protocol = determine_request_protocol(operation.service_model, request.content_type)
            parameters = _parameters(operation, protocol, request, uri)
            return Call(name, operation.name, parameters, who.access_key, account, who.region, protocol)
    return None


def _operation(name: str, request: Request) -> tuple[OperationModel, Mapping[str, Any]] | None:
    try:
        model = _model(name)
    except UnknownServiceError:
        return None
    version = request.form.get("Version")
    if version is not None and version != model.api_version:
        return None
    try:
        operation, uri = get_service_router(name).match(request)
    except (NotFound, NotImplementedError):
        return None
    return operation, uri


@cache
def _model(name: str) -> ServiceModel:
    return get_service_model(name)


def _parameters(
    operation: OperationModel, protocol: str, request: Request, uri: Mapping[str, Any]
) -> Mapping[str, Any]:
    parser = PROTOCOL_PARSERS[protocol](operation)
    try:
        parsed: Mapping[str, Any] = parser.parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": request.data,
                "url_path": request.path,
                "url_params": dict(uri),
            }
        )
    except (RequestParserError, ValueError) as error:
        raise AwsError("ValidationError", f"{operation.name}: {error}") from error
    return parsed


def answer(call: Call, result: Mapping[str, Any] | AwsError) -> Body:
    """The result or the refusal as the call's protocol writes it; a result that the model does not know is a fault."""
    operation = _model(call.service).operation_model(call.operation)
    if call.operation in _PLAIN and not isinstance(result, AwsError):
        return 200, {"Content-Type": "text/xml;charset=UTF-8"}, document(operation, result).encode()
    if call.operation == "GetMetricData" and call.protocol == "json" and not isinstance(result, AwsError):
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(result, default=_epoch).encode()
    if not isinstance(result, AwsError) and operation.output_shape is not None:
        _check(result, operation.output_shape, call.operation)
    picker = XFormedAttributePicker(
        response_transformers=EC2BaseResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER if call.service == "ec2" else None
    )
    serializer = get_serializer_class(call.service, call.protocol)(operation, value_picker=picker)
    written = serializer.serialize(result)
    body = written["body"]
    status = result.status if isinstance(result, AwsError) else written["status_code"]
    return status, written["headers"], body.encode() if isinstance(body, str) else body


def _epoch(value: datetime) -> float:
    return value.timestamp()


def _check(value: Any, shape: Any, path: str) -> None:
    """Refuse members that AWS does not have: an answer must not offer what the real one lacks."""
    if shape.type_name == "structure" and isinstance(value, Mapping):
        strange = set(value) - set(shape.members)
        if strange:
            raise LookupError(f"{path}: AWS has no {', '.join(sorted(strange))} here")
        for name, member in value.items():
            _check(member, shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list" and isinstance(value, list):
        for member in value:
            _check(member, shape.member, f"{path}[]")
