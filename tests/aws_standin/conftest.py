"""One stand-in for all of its own tests, and clients of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.standins.aws.launch import KEYS, Aws, start_aws

Client = Callable[..., Any]
_ONCE = Config(retries={"max_attempts": 0}, parameter_validation=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The stand-in changes rarely and takes seconds to start: `make quick` leaves it out."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    standin = start_aws(tmp_path_factory.mktemp("aws"), "--transition-ms", 50, "--no-estate")
    yield standin
    standin.process.stop()


@pytest.fixture(autouse=True)
def _healthy(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "aws" in request.fixturenames:
        request.getfixturevalue("aws").set_faults()


@pytest.fixture(scope="session")
def client(aws: Aws) -> Iterator[Client]:
    """`client("ec2")` as the agent's own keys; `client("ec2", "FieldpostScan")` as a role of the first account."""
    opened: list[Any] = []

    def make(service: str, role: str | None = None, *, region: str = "us-east-1", **session: str) -> Any:
        keys = session or (KEYS if role is None else assumed(make("sts"), aws, role))
        made = boto3.client(
            service,
            region_name=region,
            endpoint_url=aws.endpoint,
            config=_ONCE,
            **{k.lower(): v for k, v in keys.items()},
        )
        opened.append(made)
        return made

    yield make
    for one in opened:
        one.close()


def assumed(sts: Any, aws: Aws, role: str) -> dict[str, str]:
    """Keys of a session in a role of the first account."""
    account = aws.accounts[0]
    arn = f"arn:aws:iam::{account['account_id']}:role/{role}"
    ids = {
        "FieldpostScan": "external_id",
        "FieldpostPartial": "external_id",
        "FieldpostSchedule": "schedule_external_id",
    }
    known = {"ExternalId": account[ids[role]]} if role in ids else {}
    given = sts.assume_role(RoleArn=arn, RoleSessionName="test", **known)["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
