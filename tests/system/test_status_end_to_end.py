"""What a critical finding does, step by step, from Oracle to service, incident and webhook; and how long that takes."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from common.clock import utc_now
from tests.standins.estate import Agent, Collector, get
from tests.standins.estate import Database as Place
from tests.standins.oracle.engine import Database, load_scenario
from tests.standins.oracle.engine.overlay import Changes, overlay
from tests.standins.oracle.estate import running_standin, targets
from tests.standins.oracle.faults import Fault, FaultKind
from tests.standins.processes import free_port
from tests.system.pager import Pager, pager

pytestmark = pytest.mark.system
T = TypeVar("T")

SCENARIO = "healthy-19c"
SERVICE = "payments"
CHECK = "TABLESPACE_USED_PCT"
EMAIL, PASSWORD = "ana@example.com", "correct horse battery"
WITHIN_S = 150.0
EVENTS = ["tuneops.ticket_created", "alert.triggered", "alert.resolved", "incident.created", "incident.resolved"]
FULL = {"DBA_TABLESPACE_USAGE_METRICS": {"USED_SPACE": "170000"}, "DBA_DATA_FILES": {"AUTOEXTENSIBLE": "NO"}}
"""SYSTEM uses all but 1 percent of its 171,520 blocks and cannot grow."""

REFUSED = Fault(FaultKind.REFUSE, code=12514)


class Site:
    """A database, an agent that watches it, a collector, and somebody who is called."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.base = load_scenario(SCENARIO)
        self.oracle = stack.enter_context(running_standin([SCENARIO]))
        (self.target,) = targets(self.oracle.ports, [SCENARIO])
        self.shown: Database | None = None
        self.show()
        self.pager: Pager = stack.enter_context(pager())
        self.collector = Collector(folder / "collector", free_port(), settings=_settings(self.pager))
        self.served = self.collector.serve()
        stack.callback(self.served.stop)
        self._found()
        self.agent = Agent(folder / "agent", settings={"FIELDPOST_HEAVY_WINDOW": "always"})
        self.agent.enrol(self.collector.base_url, self.made("/enrolment-tokens")["token"], "a1")
        place = Place(SERVICE, "127.0.0.1", self.target.port, SERVICE, self.target.user, self.target.password, SCENARIO)
        self.agent.add(place, "--tier", "prod", "--tag", "pager")
        self.runs = self.agent.run()
        stack.callback(self.runs.stop)
        until(self._is_watched, "watched", every_s=1)
        (known,) = get(f"{self.collector.base_url}/api/v1/health/connections", self.key)["data"]
        self.connection = int(known["id"])

    def _found(self) -> None:
        """Tenant, owner, token, the rule and the receiver."""
        command = self.collector.command
        command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
        command("member", "add", EMAIL, "--tenant", "acme", "--name", "Ana", "--role", "owner")
        command("member", "password", EMAIL, "--tenant", "acme", stdin=f"{PASSWORD}\n")
        api = f"{self.collector.base_url}/api/v1"
        session = httpx.post(f"{api}/auth/login", json={"email": EMAIL, "password": PASSWORD}, timeout=30).json()[
            "data"
        ]
        self.admin = httpx.Client(base_url=f"{api}/admin", headers=_bearer(session["accessToken"]), timeout=30)
        token = self.made("/tokens", name="tests", scopes=["read:status", "write:incidents"])
        self.status = httpx.Client(base_url=api, headers=_bearer(token["token"]), timeout=30)
        self.key = self.made("/keys", name="tests")["key"]
        self.made("/incident-rules", tag="pager")
        self.pager.secret = self.made("/webhooks", name="pager", url=self.pager.url, events=EVENTS)["secret"]

    def made(self, path: str, **body: object) -> Any:
        return _good(self.admin.post(path, json=body))["data"]

    def close(self) -> None:
        self.status.close()
        self.admin.close()

    def show(self, **views: dict[str, Any]) -> None:
        """From now on the database has these columns in all rows of these views."""
        changes = Changes(columns=views)
        over = overlay(self.base, changes, name=SERVICE, at=utc_now(), started=utc_now())
        made = Database(over.scenario, plans=self.base.plans)
        over.close()
        if self.shown is not None:
            self.oracle.standin.remove(self.shown)
        self.oracle.standin.add(made)
        self.shown = made

    def _is_watched(self) -> bool:
        """Not only listed: the first run is there."""
        found = _good(self.status.get("/services"))["services"]
        return bool(found) and found[0]["data_state"] == "fresh"

    def service(self) -> dict[str, Any]:
        (found,) = _good(self.status.get("/services"))["services"]
        return dict(found)

    def incidents(self) -> list[dict[str, Any]]:
        return list(_good(self.status.get("/incidents/active"))["incidents"])

    def check_now(self) -> None:
        """Have all checks run, and wait until they have."""
        job = _good(self.admin.post(f"/connections/{self.connection}/check"))["data"]["job"]
        self.runs.wait_until(lambda: self._is_done(job) or None, timeout_s=WITHIN_S, every_s=1, what="done checking")

    def _is_done(self, job: str) -> bool:
        state = _good(self.admin.get(f"/jobs/{job}"))["data"]["state"]
        assert state in {"queued", "started", "succeeded"}, state
        return bool(state == "succeeded")


class Steps:
    """When what was waited for was there, counted from the cause."""

    def __init__(self, title: str) -> None:
        self.began = time.monotonic()
        self.lines = [title]

    def note(self, what: str, at: float | None = None) -> None:
        self.lines.append(f"  {(at or time.monotonic()) - self.began:7.2f} s  {what}")

    def seen(self, ready: Callable[[], T | None], what: str) -> T:
        found = until(ready, what)
        self.note(what)
        return found

    def told(self, pager: Pager, event: str) -> Mapping[str, Any]:
        (first, *_) = until(lambda: pager.since(self.began, event), event)
        self.note(f"webhook {event} at its receiver", first.at)
        return first.data

    def __str__(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        made = Site(tmp_path, stack)
        stack.callback(made.close)
        yield made


def until(ready: Callable[[], T | None], what: str, *, every_s: float = 0.05) -> T:
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        found = ready()
        if found:
            return found
        time.sleep(every_s)
    raise AssertionError(f"not {what} within {WITHIN_S} s")


def _settings(pager: Pager) -> dict[str, str]:
    return {
        "FIELDPOST_DELIVERY_NETWORKS": '["127.0.0.0/8"]',
        "FIELDPOST_DELIVERY_PORTS": f"[{pager.port}]",
        "FIELDPOST_DELIVERY_PLAIN_HTTP": "true",
        "FIELDPOST_STATUS_REQUESTS_PER_MINUTE": "100000",
    }


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _good(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()


def test_what_a_critical_finding_does_step_by_step(site: Site) -> None:
    assert (site.service()["current_status"], site.incidents()) == ("operational", [])
    report = [_full(site), _unreachable(site), _mended(site), _resolved(site)]
    print("\n" + "\n".join(str(one) for one in report))


def _full(site: Site) -> Steps:
    """The first outcome of another level is not believed, the second one is."""
    steps = Steps("A tablespace fills up")
    site.show(**FULL)
    for turn in ("first", "second"):
        site.check_now()
        steps.note(f"checked on request, {turn} time")
    service = steps.seen(lambda: _one_in(site, {"degraded_performance", "partial_outage"}), "service not operational")
    reason = service["reasons"][0]
    assert (reason["source"], CHECK in {one["id"] for one in service["reasons"]}) == ("alert", True)
    (incident,) = steps.seen(site.incidents, "incident opened by the rule")
    assert incident["services"][0]["id"] == service["id"]
    assert (incident["status"], incident["visibility"]) == ("investigating", "internal")
    for event in ("tuneops.ticket_created", "alert.triggered", "incident.created"):
        told = steps.told(site.pager, event)
    assert told["id"] == incident["id"]
    return steps


def _unreachable(site: Site) -> Steps:
    steps = Steps("The listener does not know the service any more")
    site.oracle.faults.set(SERVICE, REFUSED)
    for turn in ("first", "second"):
        site.check_now()
        steps.note(f"checked on request, {turn} time")
    service = steps.seen(lambda: _one_in(site, {"major_outage"}), "service in major outage")
    assert "CONNECTION_FAILED" in {one["id"] for one in service["reasons"]}
    assert len(site.incidents()) == 1, "one incident for one service and rule"
    assert steps.told(site.pager, "alert.triggered")["severity"] == "critical"
    return steps


def _mended(site: Site) -> Steps:
    steps = Steps("Both are mended")
    site.oracle.faults.set(SERVICE)
    site.show()
    for turn in ("first", "second"):
        site.check_now()
        steps.note(f"checked on request, {turn} time")
    service = steps.seen(lambda: _without_alerts(site), "service affected by its incident alone")
    assert {one["source"] for one in service["reasons"]} == {"incident"}
    (incident,) = steps.seen(lambda: _cleared(site), "update of the incident: cleared")
    assert incident["status"] != "resolved", "people say that it is over"
    steps.told(site.pager, "alert.resolved")
    return steps


def _resolved(site: Site) -> Steps:
    (incident,) = site.incidents()
    steps = Steps("Somebody resolves the incident")
    body = {"root_cause": "The nightly load filled the tablespaces."}
    answer = _good(site.status.post(f"/incidents/{incident['id']}/resolve", json=body))
    steps.note("answered")
    assert (answer["status"], answer["root_cause"]) == ("resolved", body["root_cause"])
    steps.seen(lambda: _one_in(site, {"operational"}), "service operational")
    assert steps.told(site.pager, "incident.resolved")["id"] == incident["id"]
    return steps


def _one_in(site: Site, statuses: set[str]) -> dict[str, Any] | None:
    service = site.service()
    return service if service["current_status"] in statuses else None


def _without_alerts(site: Site) -> dict[str, Any] | None:
    service = site.service()
    return service if "alert" not in {one["source"] for one in service["reasons"]} else None


def _cleared(site: Site) -> list[dict[str, Any]] | None:
    found = site.incidents()
    return found if "clear" in found[0]["updates"][-1]["message"].lower() else None
