"""Faults of AWS accounts: what can be seen from here, and with `--aws` what a visit says."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.assigned import FILE_NAME
from agent.aws import child
from agent.doctor import accounts
from agent.doctor.accounts import credentials_source
from agent.doctor.ground import Ground
from common import wire
from common.wire import Assignment
from common.wire_aws import Account
from tests.agent.doctor.grounds import bad, ground, seen

ACCOUNT = Account(
    "123456789012", "Shop", "arn:aws:iam::123456789012:role/fieldpost", "secret-external-id", ("eu-west-1",)
)


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    made = ground(tmp_path)
    (made.state / FILE_NAME).write_bytes(wire.encode(Assignment(version="v1", accounts=(ACCOUNT,))))
    return made


async def test_without_accounts_nothing_is_looked_at(tmp_path: Path) -> None:
    assert set(await seen(accounts.LOOKS, ground(tmp_path))) == {"aws-accounts"}


async def test_an_agent_without_credentials_is_told_where_to_put_them(at: Ground, tmp_path: Path) -> None:
    if credentials_source({}, tmp_path) is not None:
        pytest.skip("this is an EC2 instance")
    finding = bad(await seen(accounts.LOOKS, at))["aws-credentials"]
    assert "no credentials were found" in finding.detail
    assert "LoadCredential=aws:FILE" in finding.mend


def test_credentials_are_looked_for_where_aws_looks_for_them(tmp_path: Path) -> None:
    vendor = tmp_path / "vendor"
    assert credentials_source({}, tmp_path, vendor) is None
    vendor.write_text("Amazon EC2\n")
    assert credentials_source({}, tmp_path, vendor) == "the instance profile"
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("")
    assert credentials_source({}, tmp_path, vendor) == f"the file {tmp_path / '.aws' / 'credentials'}"
    assert credentials_source({"AWS_ACCESS_KEY_ID": "AKIA"}, tmp_path) == "the variable AWS_ACCESS_KEY_ID"


async def test_a_role_that_this_hosts_policy_does_not_allow_is_told(
    at: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    at.settings.config_dir.mkdir()
    policy = at.settings.config_dir / "aws.toml"
    policy.write_text('[[role]]\narn = "arn:aws:iam::999999999999:role/other"\nallow = ["read"]\n')
    finding = bad(await seen(accounts.LOOKS, at))["aws-policy"]
    assert f'arn = "{ACCOUNT.role_arn}"' in finding.mend
    policy.write_text(finding.mend)
    found = await seen(accounts.LOOKS, at)
    assert found["aws-policy"].state == "well", "what doctor prints is what mends it"
    assert "aws-account" not in found, "AWS is not called unless that is asked for"
    policy.write_text("[[role]]\narn = 5\n")
    assert "aws.toml" in bad(await seen(accounts.LOOKS, at))["aws-policy"].detail


@pytest.mark.slow
async def test_an_account_that_cannot_be_visited_is_told(at: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tiger")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(accounts, "VISIT_S", 15.0)
    monkeypatch.setattr(child, "_GRACE_S", 1.0)
    finding = (await seen(accounts.LOOKS, replace(at, aws=True)))["aws-account"]
    assert finding.state != "well"
    assert "aws verify --account 123456789012" in finding.mend
    assert "secret-external-id" not in str(finding)
    assert "tiger" not in str(finding)
