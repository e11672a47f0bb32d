"""Schedules over whole processes: collector, agent and AWS stand-in; the agent killed, the collector away."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest

from tests.standins.aws.launch import KEYS, Aws, start_aws
from tests.standins.demo_aws import Tuner
from tests.standins.estate import Agent, Collector, get
from tests.standins.processes import Process, free_port

pytestmark = pytest.mark.system
T = TypeVar("T")
EMAIL, PASSWORD = "ana@example.com", "correct horse battery"
TAG = {"Schedule": "office-hours"}
REGION = "eu-west-1"
NEVER_START = ("office-kms", "office-exotic")
WAIT_S = 90.0


class Site:
    """A collector, an agent and an account with its estate."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.aws: Aws = start_aws(folder / "aws", "--transition-ms", 500)
        stack.callback(self.aws.process.stop)
        self.account = self.aws.accounts[0]
        self.collector = Collector(folder / "collector", free_port())
        self.served = self.collector.serve()
        self.collector.command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
        self.collector.command("member", "add", EMAIL, "--tenant", "acme", "--name", "Ana", "--role", "owner")
        self.collector.command("member", "password", EMAIL, "--tenant", "acme", stdin=f"{PASSWORD}\n")
        session = Tuner(self.collector.base_url).ask("POST", "/auth/login", {"email": EMAIL, "password": PASSWORD})
        self.tuner = Tuner(self.collector.base_url, session["accessToken"])
        config = folder / "config"
        config.mkdir()
        role = self.account["schedule_role_arn"]
        (config / "aws.toml").write_text(f'[[role]]\narn = "{role}"\nallow = ["read", "switch"]\n')
        self.agent = Agent(folder / "agent", settings={"FIELDPOST_CONFIG_DIR": str(config), **self.aws.environment})
        token = self.collector.ask("agent", "token", "--tenant", "acme")["token"]
        self.agent.enrol(self.collector.base_url, token, "a1")
        self.runs: Process = self.agent.run()
        stack.callback(self._end)
        (known,) = self.collector.ask("agent", "list", "--tenant", "acme")
        self._link(known["id"])

    def _end(self) -> None:
        for process in (self.runs, self.served):
            if process.alive():
                process.stop()

    def _link(self, agent: str) -> None:
        linked = {
            "accountId": self.account["account_id"],
            "accountName": "Test",
            "roleArn": self.account["schedule_role_arn"],
            "externalId": self.account["schedule_external_id"],
            "regions": [REGION],
            "agentId": agent,
        }
        self.tuner.ask("POST", "/accounts", linked)

        def active() -> bool:
            (account,) = self.tuner.ask("GET", "/accounts")["accounts"]
            assert account["status"] != "FAILED", account
            return bool(account["status"] == "ACTIVE")

        until(active, "verified")

    def schedule(self, start: datetime, stop: datetime, known: str = "") -> Any:
        """Every day from one time to the other, for what carries the tag."""
        body = {
            "name": "office",
            "type": "TAG_BASED",
            "accountId": self.account["account_id"],
            "region": REGION,
            "tagRules": TAG,
            "schedule": {
                "startTime": f"{start:%H:%M}",
                "stopTime": f"{stop:%H:%M}",
                "timezone": "UTC",
                "weekdays": [1, 2, 3, 4, 5, 6, 7],
            },
            "resourceTypes": ["EC2"],
        }
        made = self.tuner.ask("PUT" if known else "POST", f"/scheduler/schedules{'/' if known else ''}{known}", body)
        return made["id"]

    def states(self) -> dict[str, str]:
        """Of the machines that carry the tag, may be switched and can be started."""
        refused = {one["resourceId"] for one in self.aws.expected()["scheduled"] if one["refusal"]}
        ec2 = self._client("ec2")
        pages = ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "tag:Schedule", "Values": [TAG["Schedule"]]}]
        )
        return {
            one["InstanceId"]: one["State"]["Name"]
            for page in pages
            for reservation in page["Reservations"]
            for one in reservation["Instances"]
            if one["InstanceId"] not in refused and not _left_out(one)
        }

    def start_by_hand(self, instance: str) -> None:
        self._client("ec2").start_instances(InstanceIds=[instance])

    def _client(self, service: str) -> Any:
        session = boto3.Session(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"])
        sts = session.client("sts", endpoint_url=self.aws.endpoint, region_name=REGION)
        lent = sts.assume_role(RoleArn=self.account["admin_role_arn"], RoleSessionName="test")["Credentials"]
        sts.close()
        return boto3.client(
            service,
            endpoint_url=self.aws.endpoint,
            region_name=REGION,
            aws_access_key_id=lent["AccessKeyId"],
            aws_secret_access_key=lent["SecretAccessKey"],
            aws_session_token=lent["SessionToken"],
        )

    def execution(self, schedule: str, action: str) -> Any:
        """The newest of this kind that the collector knows."""
        found = self.tuner.ask("GET", f"/scheduler/schedules/{schedule}/executions")["executions"]
        return next((one for one in found if one["action"] == action), None)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(tmp_path, stack)


def until(ready: Callable[[], T | None], what: str, *, within_s: float = WAIT_S) -> T:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        found = ready()
        if found:
            return found
        time.sleep(1.5)  # the API takes a hundred reads a minute
    raise AssertionError(f"not {what} within {within_s} s")


def _left_out(instance: Any) -> bool:
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    return "aws:autoscaling:groupName" in tags or tags.get("Name") in NEVER_START


def test_an_edge_is_applied_told_and_followed_by_the_next_while_the_collector_is_away(site: Site) -> None:
    now, ran = datetime.now(UTC), _running(site)
    schedule = site.schedule(now - timedelta(hours=3), now - timedelta(hours=1))
    stopped = until(lambda: _all(site, "stopped"), "stopped")
    assert len(stopped) >= 40
    results = until(lambda: _complete(site, schedule, ran), "told of")
    assert {results[name] for name in ran} == {"LATE"}
    refused = [one for one in site.aws.expected()["scheduled"] if one["refusal"] and one["type"] == "EC2"]
    mine = [one["resourceId"] for one in refused if one["account"] == site.account["account_id"]]
    assert {results[name] for name in mine} == {"SKIPPED"}
    lines = json.loads(site.agent.command("schedule", "status", "--json"))
    assert {line["result"] for line in lines if line["resource"] in ran} == {"APPLIED"}

    start = datetime.now(UTC) + timedelta(seconds=75)
    site.schedule(start, start + timedelta(hours=3), schedule)
    until(lambda: _assigned(site, f"{start:%H:%M}"), "assigned")
    site.served.stop()
    until(lambda: _all(site, "running"), "started", within_s=150)
    assert get(f"{site.collector.base_url}/health/ready") is None, "nobody but the agent was there"
    site.served = site.collector.serve()
    again = until(lambda: site.execution(schedule, "START"), "told of", within_s=400)
    assert again["status"] in ("SUCCEEDED", "PARTIAL")


def test_an_agent_killed_around_its_calls_applies_the_edge_and_stops_nothing_twice(site: Site) -> None:
    now, ran = datetime.now(UTC), _running(site)
    site.aws.set_faults(latency_ms=150.0)
    schedule = site.schedule(now - timedelta(hours=3), now - timedelta(hours=1))
    kills = 0
    for pause in (1.0, 2.5, 3.5, 4.0, 4.5, 5.0):
        time.sleep(pause)
        site.runs.kill()
        kills += 1
        site.runs = site.agent.run()
    until(lambda: _all(site, "stopped"), "stopped")
    site.aws.set_faults()
    told = until(lambda: _complete(site, schedule, ran), "told of")
    assert {told[name] for name in ran} <= {"APPLIED", "LATE", "ALREADY"}
    by_hand = min(ran)
    site.start_by_hand(by_hand)
    time.sleep(2)
    site.runs.kill()
    site.runs = site.agent.run()
    until(lambda: _seen_running(site, by_hand), "seen after the restart")
    time.sleep(5)
    assert site.states()[by_hand] == "running", "an edge is not applied twice"
    print(f"killed {kills + 1} times; {len(ran)} machines stopped, results {sorted(set(told.values()))}")


def _all(site: Site, state: str) -> dict[str, str] | None:
    states = site.states()
    return states if states and set(states.values()) == {state} else None


def _running(site: Site) -> set[str]:
    return {name for name, state in site.states().items() if state == "running"}


def _complete(site: Site, schedule: str, names: set[str]) -> dict[str, str] | None:
    told = site.execution(schedule, "STOP")
    results = {one["resourceId"]: one["result"] for one in told["results"]} if told else {}
    return results if names <= results.keys() else None


def _assigned(site: Site, clock: str) -> bool:
    return clock in (site.agent.state / "assignment.json").read_text()


def _seen_running(site: Site, name: str) -> bool:
    lines = json.loads(site.agent.command("schedule", "status", "--json"))
    return any(line["resource"] == name and line["state"] == "RUNNING" for line in lines)
