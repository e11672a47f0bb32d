"""AWS, where accounts are linked to this agent: whether there are credentials, and with `--aws` a visit."""

import asyncio
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from agent.assigned import FILE_NAME, parse
from agent.aws.child import AskingError, verify_account
from agent.aws.local_policy import FILE_NAME as POLICY_FILE
from agent.aws.local_policy import read_policy
from agent.aws.messages import Target, VerifyRequest
from agent.doctor.ground import UNIT, Ground, command, quoted
from common.checkup import Finding, Look, untold, unwell, well
from common.errors import ConfigurationError
from common.wire import WireError
from common.wire_aws import Account

VISIT_S = 60.0
_FROM_ENVIRONMENT = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                     "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_PROFILE")  # fmt: skip
_DMI = Path("/sys/class/dmi/id/sys_vendor")


def _accounts(ground: Ground) -> Iterator[Finding]:
    try:
        accounts = parse((ground.state / FILE_NAME).read_bytes(), etag="").accounts
    except (OSError, WireError):
        accounts = ()
    if not accounts:
        yield well("aws-accounts", "none is linked to this agent")
        return
    yield well("aws-accounts", f"{len(accounts)} linked")
    if importlib.util.find_spec("boto3") is None:
        yield unwell("aws-credentials", "boto3 is not installed on this host", "pip install 'fieldpost[agent,aws]'")
        return
    source = credentials_source(os.environ, Path.home())
    if source is None:
        mend = (
            f"systemctl edit {UNIT}   # [Service] LoadCredential=aws:FILE\n"
            "                        # Environment=AWS_SHARED_CREDENTIALS_FILE=%d/aws\n"
            "or give the EC2 instance an instance profile"
        )
        yield unwell("aws-credentials", "no credentials were found: no variable, no file, no instance profile", mend)
        return
    yield well("aws-credentials", f"from {source}")
    for account in accounts:
        yield _allowed(ground, account)
        if ground.aws:
            yield _visited(account)


def credentials_source(environment: "os._Environ[str] | dict[str, str]", home: Path, dmi: Path = _DMI) -> str | None:
    """Where boto3 would find credentials, without asking anybody; None when nowhere."""
    for name in _FROM_ENVIRONMENT:
        if environment.get(name):
            return f"the variable {name}"
    for name, usual in (("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"), ("AWS_CONFIG_FILE", ".aws/config")):
        path = Path(environment.get(name) or home / usual)
        if path.is_file():
            return f"the file {path}"
    try:
        return "the instance profile" if "Amazon EC2" in dmi.read_text() else None
    except OSError:
        return None


def _allowed(ground: Ground, account: Account) -> Finding:
    file = ground.settings.config_dir / POLICY_FILE
    try:
        refusal = read_policy(ground.settings.config_dir).refusal(account.role_arn, "read")
    except ConfigurationError as error:
        return unwell("aws-policy", str(error), f"$EDITOR {quoted(file)}", of=account.account)
    if refusal:
        mend = f'# in {file}:\n[[role]]\narn = "{account.role_arn}"\nallow = ["read"]'
        return unwell("aws-policy", refusal, mend, of=account.account)
    return well("aws-policy", "this host's policy lets its role be assumed", of=account.account)


def _visited(account: Account) -> Finding:
    target = Target(account.account, account.role_arn, account.external_id)
    verify = command(f"aws verify --account {account.account} --role-arn {account.role_arn} --external-id …")
    verify += f" --regions {account.regions[0]}"
    try:
        said = asyncio.run(verify_account(VerifyRequest(target, account.regions[:1], deadline_s=VISIT_S))).verification
    except AskingError as error:
        return untold("aws-account", str(error), verify, of=account.account)
    if said.verified and not said.missing:
        return well("aws-account", "the role can be assumed, and may read what scans read", of=account.account)
    if said.verified:
        policy = f"fieldpost-agent aws policy   # the policy to attach to {account.role_arn}"
        return unwell("aws-account", f"rights are missing: {', '.join(said.missing[:12])}", policy, of=account.account)
    mend = f"timedatectl   # when AWS says that the signature is of another time\n{verify}"
    return unwell("aws-account", said.reason, mend, of=account.account)


LOOKS = (
    Look(
        {
            "aws-accounts": "AWS accounts",
            "aws-credentials": "AWS credentials",
            "aws-policy": "local policy for account",
            "aws-account": "AWS account",
        },
        _accounts,
        deadline_s=120.0,
    ),
)
