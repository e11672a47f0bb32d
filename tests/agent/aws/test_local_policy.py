from pathlib import Path

import pytest

from agent.aws.local_policy import NOTHING, read_policy
from common.errors import ConfigurationError

SCAN = "arn:aws:iam::111122223333:role/fieldpost-scan"
POWER = "arn:aws:iam::111122223333:role/fieldpost-power"
FILE = """
[[role]]
arn = "arn:aws:iam::*:role/fieldpost-scan"
allow = ["read"]

[[role]]
arn = "arn:aws:iam::111122223333:role/fieldpost-power"
allow = ["read", "switch"]
regions = ["eu-west-1"]
targets = ["i-0abc*", "tag:Schedule=office"]
"""


def written(folder: Path, text: str = FILE) -> Path:
    (folder / "aws.toml").write_text(text)
    return folder


def test_nothing_is_allowed_without_the_file(tmp_path: Path) -> None:
    policy = read_policy(tmp_path)
    assert policy == NOTHING
    assert not policy.allows(SCAN, "read")
    assert "does not allow to read with arn:aws:iam::111122223333:role/fieldpost-scan" in policy.refusal(SCAN, "read")


def test_a_role_may_be_used_for_what_its_entry_says_and_nothing_else(tmp_path: Path) -> None:
    policy = read_policy(written(tmp_path))
    assert policy.allows(SCAN, "read", region="us-east-1")
    assert policy.refusal(SCAN, "read") == ""
    assert not policy.allows(SCAN, "switch")
    assert policy.allows(POWER, "switch", region="eu-west-1")
    assert not policy.allows(POWER, "switch", region="us-east-1")
    assert not policy.allows(POWER + "-2", "switch", region="eu-west-1")


def test_only_targets_may_be_switched(tmp_path: Path) -> None:
    policy = read_policy(written(tmp_path))
    assert policy.may_switch(POWER, "eu-west-1", "i-0abcdef", {})
    assert policy.may_switch(POWER, "eu-west-1", "i-1", {"Schedule": "office"})
    assert not policy.may_switch(POWER, "eu-west-1", "i-1", {"Schedule": "always"})
    assert not policy.may_switch(POWER, "us-east-1", "i-0abcdef", {})
    assert not policy.may_switch(SCAN, "eu-west-1", "i-0abcdef", {})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[role]]\narn = 'x'\nallow = ['read']", "arn: `x`; expected the ARN of a role"),
        (f"[[role]]\narn = '{SCAN}'\nallow = ['write']", "allow: `write`; expected one of read, switch"),
        (f"[[role]]\narn = '{SCAN}'", "allow: nothing; expected some of read, switch"),
        (f"[[role]]\narn = '{SCAN}'\nallow = 'read'", "allow: `read`; expected a list of texts"),
        (f"[[role]]\narn = '{SCAN}'\nallow = ['read']\nallows = 1", "allows: unknown; expected one of arn, allow"),
        ("role = 3", "`role`; expected [[role]] tables"),
        ("[policy]", "`policy`; expected [[role]] tables"),
        ("nonsense", "aws.toml"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_field_and_value(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_policy(written(tmp_path, text))
    assert named in str(refused.value)
