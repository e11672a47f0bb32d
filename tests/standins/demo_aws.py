"""The AWS part of the demo, through the documented API as any client would: accounts linked, verified, scheduled."""

import json
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.standins.aws.launch import Aws
from tests.standins.estate import Collector
from tests.standins.processes import NotReadyError, Process

TENANT = "demo-enterprise"
VERIFIED_WITHIN_S = 240
_HOURS = {"startTime": "07:00", "stopTime": "19:00", "timezone": "Europe/Berlin", "weekdays": [1, 2, 3, 4, 5]}


@dataclass(frozen=True, slots=True)
class Member:
    """Who may log on, to the tuner API too."""

    email: str
    password: str


Linked = Sequence[Mapping[str, str]]
"""Each account with its verification job and its schedule."""


@dataclass(frozen=True, slots=True)
class Tuner:
    """A member's session with the tuner API."""

    base_url: str
    token: str = ""

    def ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.base_url}/tuner/v1/api{path}"
        request = urllib.request.Request(
            url, data=data, method=method, headers={**headers, "Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise NotReadyError(f"{method} {url}: {error.code} {error.read().decode()}") from None


def sign_up(collector: Collector) -> Member:
    """An owner of the tenant that has the estate."""
    member = Member("demo@example.com", secrets.token_urlsafe(12))
    collector.command("member", "add", member.email, "--tenant", TENANT, "--name", "Demo", "--role", "owner")
    collector.command("member", "password", member.email, "--tenant", TENANT, stdin=f"{member.password}\n")
    return member


def link_accounts(collector: Collector, member: Member, agent: Process, aws: Aws, stopped: threading.Event) -> Linked:
    """Both accounts linked to the one agent and verified, with a schedule each; first scans begin by themselves."""
    body = {"email": member.email, "password": member.password}
    tuner = Tuner(collector.base_url, Tuner(collector.base_url).ask("POST", "/auth/login", body)["accessToken"])
    (known,) = collector.ask("agent", "list", "--tenant", TENANT)
    jobs = [_link(tuner, account, aws.regions, known["id"], number) for number, account in enumerate(aws.accounts, 1)]
    agent.wait_until(
        lambda: stopped.is_set() or _all_active(tuner),
        timeout_s=VERIFIED_WITHIN_S,
        every_s=1,
        what="done with verifying its accounts",
    )
    ids = [account["account_id"] for account in aws.accounts]
    with ThreadPoolExecutor(len(ids)) as side_by_side:
        schedules = side_by_side.map(lambda account: "" if stopped.is_set() else _schedule(tuner, account), ids)
        return [
            {"account_id": account, "verification_job_id": job, "schedule_id": schedule}
            for account, job, schedule in zip(ids, jobs, schedules, strict=True)
        ]


def _link(tuner: Tuner, account: Mapping[str, str], regions: Sequence[str], agent: str, number: int) -> str:
    body = {
        "accountId": account["account_id"],
        "accountName": f"Demo account {number}",
        "roleArn": account["agent_role_arn"],
        "externalId": account["external_id"],
        "regions": list(regions),
        "agentId": agent,
    }
    return str(tuner.ask("POST", "/accounts", body)["verificationJobId"])


def _all_active(tuner: Tuner) -> bool | None:
    accounts = tuner.ask("GET", "/accounts")["accounts"]
    for account in accounts:
        if account["status"] == "FAILED":
            raise NotReadyError(f"account {account['accountId']}: {account['reason']}")
    return all(account["status"] == "ACTIVE" for account in accounts) or None


def _schedule(tuner: Tuner, account: str) -> str:
    """Office hours of what carries the tag, as a dry run: what the estate is known to hold stays as it is."""
    body = {
        "name": "Office hours",
        "type": "TAG_BASED",
        "accountId": account,
        "region": "eu-west-1",
        "tagRules": {"Schedule": "office-hours"},
        "schedule": _HOURS,
        "resourceTypes": ["EC2", "RDS", "ASG"],
        "dryRun": True,
    }
    return str(tuner.ask("POST", "/scheduler/schedules", body)["id"])
