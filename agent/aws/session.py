"""Sessions with AWS for one account: the agent's own credentials, or a role that they may assume. Loads boto3."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from agent.aws import models
from agent.aws.messages import Target

WORKERS = 8
_ATTEMPTS = 6
_SESSION_S = 3600
_DENIED = (
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "Client.UnauthorizedOperation",
    "UnauthorizedOperation",
    "UnauthorizedException",
    "NotAuthorized",
)
_THROTTLED = (
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
)
_NOT_HERE = ("AuthFailure", "InvalidClientTokenId", "OptInRequired", "UnrecognizedClientException")
_MAX_MESSAGE = 300

AWSError = (BotoCoreError, ClientError)
"""What a call to AWS raises."""

_HOMES = {"cn-": "cn-north-1", "us-gov-": "us-gov-west-1", "us-iso-": "us-iso-east-1", "us-isob-": "us-isob-east-1"}


class AccountError(Exception):
    """The account cannot be used at all; one line that says why."""


class Clients(Protocol):
    """Whoever has a client for a service in a region."""

    def client(self, service: str, region: str) -> Any: ...


class Access:
    """A session and its clients. Clients are made once per service and region, and let go of with `drop`."""

    def __init__(self, session: boto3.Session, *, timeout_s: float = 30.0, attempts: int = _ATTEMPTS) -> None:
        self.calls = 0
        self._session = session
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._config = Config(
            connect_timeout=5,
            read_timeout=timeout_s,
            max_pool_connections=WORKERS,
            retries={"mode": "adaptive" if attempts > 1 else "standard", "total_max_attempts": attempts},
            user_agent_extra="fieldpost",
            s3={"us_east_1_regional_endpoint": "regional"},
            parameter_validation=False,  # what we send is ours, and it is a quarter of the work of a call
        )

    def client(self, service: str, region: str) -> Any:
        """A client; making one is not safe in two threads at once, using it is."""
        with self._lock:
            if (service, region) not in self._clients:
                made = self._session.client(service, region_name=region, config=self._config)
                made.meta.events.register("before-send", self._count)
                self._clients[service, region] = made
            return self._clients[service, region]

    def once(self, *, timeout_s: float) -> "Access":
        """The same session for whoever decides on retries: its clients make each call once."""
        return Access(self._session, timeout_s=timeout_s, attempts=1)

    def drop(self, region: str) -> None:
        """Close the clients of a region: each holds its models and connections."""
        with self._lock:
            for key in [key for key in self._clients if key[1] == region]:
                self._clients.pop(key).close()

    def close(self) -> None:
        for region in {region for _, region in self._clients}:
            self.drop(region)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _count(self, **_: object) -> None:
        with self._lock:
            self.calls += 1


def own() -> Access:
    """With the agent's own credentials: environment, profile, instance role."""
    return Access(_session())


def assume(through: Access, target: Target, region: str, *, name: str = "fieldpost") -> Access:
    """As the target's role; without a role as before. `ClientError` when AWS refuses."""
    if not target.role_arn:
        return through
    wanted = {"RoleArn": target.role_arn, "RoleSessionName": name, "DurationSeconds": _SESSION_S}
    if target.external_id:
        wanted["ExternalId"] = target.external_id
    given = through.client("sts", region).assume_role(**wanted)["Credentials"]
    return Access(
        _session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
    )


def _session(**credentials: str) -> boto3.Session:
    described = botocore.session.get_session()
    described.register_component("data_loader", models.loader())
    return boto3.Session(botocore_session=described, **credentials)


def entered(through: Access, target: Target, region: str) -> Access:
    """As the target's role in the account that it is said to be; `AccountError` says why not."""
    try:
        access = assume(through, target, region)
        account = access.client("sts", region).get_caller_identity()["Account"]
    except AWSError as error:
        raise AccountError(f"{target.role_arn or 'own credentials'}: {why(error, 'sts:AssumeRole')}") from None
    if account != target.account:
        raise AccountError(f"account {account}; expected {target.account}")
    return access


def home_of(region: str) -> str:
    """The region in which what belongs to no region is described."""
    return next((home for start, home in _HOMES.items() if region.startswith(start)), "us-east-1")


def denies(error: Exception) -> bool:
    """Whether AWS says that this must not be done, as opposed to: it did not work."""
    return code_of(error) in _DENIED


def code_of(error: Exception) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def status_of(error: Exception) -> int:
    """Of the HTTP answer; 0 when there was none."""
    if not isinstance(error, ClientError):
        return 0
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def why(error: Exception, action: str) -> str:
    """What a failed call means, in one line: the class first, then what AWS said of it."""
    return next((text for text in (judge(error, action) for judge in _READINGS) if text), _otherwise(error, action))


def _of_rights(error: Exception, action: str) -> str:
    if not denies(error):
        return ""
    message = _message(error)
    if "service control policy" in message:
        return f"denied by a service control policy of the organisation ({action})"
    if "explicit deny" in message:
        return f"denied explicitly by a policy ({action})"
    return f"access denied ({action})"


def _of_load(error: Exception, action: str) -> str:
    return f"throttled by AWS ({action}: {code_of(error)})" if code_of(error) in _THROTTLED else ""


def _of_region(error: Exception, _action: str) -> str:
    return (
        f"region not opted in, or credentials not valid in it ({code_of(error)})" if code_of(error) in _NOT_HERE else ""
    )


def _of_network(error: Exception, _action: str) -> str:
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        return f"no answer in time ({type(error).__name__})"
    if isinstance(error, HTTPClientError):
        return f"endpoint cannot be reached ({type(error).__name__})"
    return ""


def _of_credentials(error: Exception, _action: str) -> str:
    missing = isinstance(error, NoCredentialsError | PartialCredentialsError)
    return "the agent has no AWS credentials (environment, profile or instance role)" if missing else ""


_READINGS: tuple[Callable[[Exception, str], str], ...] = (
    _of_rights,
    _of_load,
    _of_region,
    _of_network,
    _of_credentials,
)


def _otherwise(error: Exception, action: str) -> str:
    return f"{code_of(error) or type(error).__name__}: {_message(error)} ({action})"


def message_of(error: Exception) -> str:
    """What AWS said, whole."""
    if isinstance(error, ClientError):
        answer: Mapping[str, Any] = error.response.get("Error", {})
        return str(answer.get("Message", ""))
    return str(error)


def _message(error: Exception) -> str:
    return message_of(error)[:_MAX_MESSAGE]
