"""A scan that asks the price list, against the stand-in's."""

from collections import Counter
from pathlib import Path

import pytest

from agent.aws.child import scan_account
from agent.aws.messages import ScanRequest, Target
from common.wire_aws import Scan
from tests.standins.aws.launch import Aws

pytestmark = pytest.mark.slow


async def scanned(aws: Aws, folder: Path, *, live: bool) -> Scan:
    said = aws.accounts[0]
    target = Target(said["account_id"], said["role_arn"], said["external_id"])
    found, _ = await scan_account(
        ScanRequest(target, ("eu-west-1",), ("UNATTACHED_EBS_CLEANUP",), state_dir=str(folder), live_prices=live)
    )
    return found[0].scan


def labels(scan: Scan) -> Counter[str]:
    return Counter(one.price_label for one in scan.recommendations)


async def test_what_the_list_says_now_replaces_what_was_scaled(as_agent: Aws, tmp_path: Path) -> None:
    before = await scanned(as_agent, tmp_path, live=False)
    after = await scanned(as_agent, tmp_path, live=True)
    assert labels(before)["LIVE_LIST"] == 0
    assert labels(after)["LIVE_LIST"] > 0
    assert len(before.recommendations) == len(after.recommendations)
    assert after.gaps == {}
    again = await scanned(as_agent, tmp_path, live=True)
    assert labels(again) == labels(after)
    assert again.api_calls == before.api_calls


async def test_without_the_right_to_ask_the_bundled_prices_hold_and_the_gap_is_named(
    as_agent: Aws, tmp_path: Path
) -> None:
    as_agent.set_faults("deny=pricing:GetProducts")
    found = await scanned(as_agent, tmp_path, live=True)
    assert labels(found)["LIVE_LIST"] == 0
    assert found.recommendations
    assert "pricing:GetProducts" in found.gaps["pricing.products"]
