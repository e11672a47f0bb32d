"""The status part of the demo, through the documented API: tokens, public services, an incident, a window, the page."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from common.clock import iso, utc_now
from tests.standins.demo_aws import TENANT, Member, Tuner
from tests.standins.processes import NotReadyError

SCOPES: Mapping[str, Sequence[str]] = {
    "all": ("read:status", "write:incidents", "write:maintenance"),
    "read": ("read:status",),
    "incidents": ("write:incidents",),
    "maintenance": ("write:maintenance",),
}
"""The tokens of `demo.json` by their name."""

_PUBLIC = ("healthy-19c", "neglected")
_INCIDENT = {
    "title": "Orders are slow",
    "description": "Reports that customers wait for take minutes. We look into it.",
    "severity": "degraded",
    "visibility": "public",
}
_WORK = {
    "title": "Database failover drill",
    "description": "The shop will be read-only for some minutes.",
    "visibility": "public",
    "exclude_from_sla": True,
    "suppress_alerts": True,
}


@dataclass(frozen=True, slots=True)
class Status:
    """What is in `demo.json` of it; `tokens` are secrets."""

    page: str
    tokens: Mapping[str, str] = field(repr=False)
    services: Mapping[str, int] = field(default_factory=dict)


def set_up(base_url: str, member: Member) -> Status:
    """Everything of it; connections have been listed by now."""
    body = {"email": member.email, "password": member.password}
    session = Tuner(base_url).ask("POST", "/auth/login", body)["accessToken"]
    admin = f"{base_url}/api/v1/admin"
    tokens = {
        name: _ask(session, "POST", f"{admin}/tokens", {"name": f"demo {name}", "scopes": scopes})["data"]["token"]
        for name, scopes in SCOPES.items()
    }
    page = {"enabled": True, "title": "Demo", "description": "What everybody may know of the demo."}
    _ask(session, "PUT", f"{admin}/status-page", page)
    return Status(f"{base_url}/status/api/{TENANT}/summary", tokens, _furnish(base_url, session, tokens["all"]))


def _furnish(base_url: str, session: str, token: str) -> Mapping[str, int]:
    """Two databases that everybody may see, a shop that stands on both, what is wrong with it and what is to come."""
    admin, api = f"{base_url}/api/v1/admin/services", f"{base_url}/api/v1"
    listed = _ask(token, "GET", f"{api}/services?limit=200")["services"]
    parts = {one["name"]: one["id"] for one in listed if one["name"] in _PUBLIC}
    for number in parts.values():
        _ask(session, "PATCH", f"{admin}/{number}", {"visibility": "public", "group": "Databases"})
    shop = {"name": "Shop", "visibility": "public", "group": "Customers", "parts": list(parts.values())}
    made = _ask(session, "POST", admin, shop)["data"]["id"]
    start = utc_now().replace(microsecond=0) + timedelta(days=1)
    times = {"scheduled_start": iso(start), "scheduled_end": iso(start + timedelta(hours=2))}
    _ask(token, "POST", f"{api}/incidents", {**_INCIDENT, "service_ids": [made]})
    _ask(token, "POST", f"{api}/maintenance", {**_WORK, **times, "service_ids": [made, *parts.values()]})
    return {**parts, "Shop": made}


def _ask(credential: str, method: str, url: str, body: object = None) -> Any:
    headers = {"Authorization": f"Bearer {credential}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            raise NotReadyError(f"{method} {url}: {error.code} {error.read().decode()}") from None
