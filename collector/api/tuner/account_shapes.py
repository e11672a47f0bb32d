"""What the tuner family answers about AWS accounts, for its OpenAPI document, with the contract's own examples."""

from typing import Annotated, Literal

from pydantic import Field

from collector.api.tuner.shapes import Shape, Time


class Moving(Shape):
    """From one agent to another, while the first one has yet to let go."""

    before: Annotated[str | None, Field(alias="from")]
    after: Annotated[str | None, Field(alias="to")]
    since: Time
    reason: str


class Remarks(Shape):
    """Only where there is something to say."""

    reason: str | None = None
    warnings: list[str] | None = None


class Account(Remarks):
    accountId: str  # noqa: N815 - the document's name
    accountName: str  # noqa: N815 - likewise
    roleArn: str  # noqa: N815 - likewise
    externalId: str  # noqa: N815 - likewise
    status: Literal["VERIFYING", "ACTIVE", "FAILED"]
    regions: list[str]
    lastSyncAt: Time | None  # noqa: N815 - likewise
    linkedAt: Time  # noqa: N815 - likewise
    agentId: str | None  # noqa: N815 - as the document writes names
    scanHours: int  # noqa: N815 - likewise
    moving: Moving | None = None


class Accounts(Shape):
    accounts: list[Account]


class Proof(Shape):
    verifiedAt: Time | None  # noqa: N815 - as the document writes names
    permissions: dict[str, bool]
    missingPermissions: list[str]  # noqa: N815 - the document's name
    regions: list[str]
    warnings: list[str]


class OneAccount(Account):
    verification: Proof | None


class Linked(Remarks):
    accountId: str  # noqa: N815 - the document's name
    status: Literal["VERIFYING", "ACTIVE", "FAILED"]
    verificationJobId: str | None  # noqa: N815 - likewise
    moving: Moving | None = None


class Verified(Remarks):
    accountId: str  # noqa: N815 - the document's name
    verified: bool
    permissions: dict[str, bool]
    missingPermissions: list[str]  # noqa: N815 - likewise


class Unlinked(Shape):
    accountId: str  # noqa: N815 - the document's name
    status: Literal["DELETED"]


ACCOUNT: dict[str, object] = {
    "accountId": "123456789012",
    "accountName": "Production",
    "roleArn": "arn:aws:iam::123456789012:role/CloudKeeperTunerRole",
    "externalId": "uuid-12345-abcde",
    "status": "ACTIVE",
    "regions": ["us-east-1", "us-west-2", "eu-west-1"],
    "lastSyncAt": "2025-10-26T10:00:00Z",
    "linkedAt": "2025-01-15T09:00:00Z",
}
ACCOUNTS: dict[str, object] = {"accounts": [ACCOUNT]}
LINKED = {"accountId": "987654321098", "status": "VERIFYING", "verificationJobId": "verify_abc123"}
VERIFIED: dict[str, object] = {
    "accountId": "123456789012",
    "verified": True,
    "permissions": {
        "ec2:DescribeInstances": True,
        "rds:DescribeDBInstances": True,
        "cloudwatch:GetMetricStatistics": True,
    },
    "missingPermissions": [],
}
UNLINKED = {"accountId": "123456789012", "status": "DELETED"}
