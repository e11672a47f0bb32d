"""A tenant's configuration as it is, and the steps that change it: in one transaction, through the usual functions."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.assignments import thresholds
from collector.domain.assignments.store import Override
from collector.domain.configuration.document import Document, Email, Entry, Rule, Syslog, Threshold, Webhook
from collector.domain.configuration.rules import Step, entry_of, plan
from collector.domain.fleet import store as fleet
from collector.domain.notifications import changes as alert_rules
from collector.domain.notifications import rules as terms_rules
from collector.domain.notifications import store as notifications
from collector.domain.notifications.rules import Terms
from collector.domain.results.rules import documented
from collector.domain.webhooks import changes as endpoints
from collector.domain.webhooks import store as webhooks
from collector.domain.webhooks.rules import Kind
from collector.domain.webhooks.store import Listed, NewEndpoint

MAX_CONNECTIONS = 100_000
_KINDS: tuple[Kind, ...] = ("webhook", "email", "syslog")


class Desired(NamedTuple):
    """What is to hold. `made`: the endpoints that it needs, by section and name, checked, their secrets sealed."""

    document: Document
    prune: bool
    made: Mapping[str, NewEndpoint]


def current(conn: Connection, tenant_id: int) -> Document:
    """The configuration as a file would say it."""
    found = webhooks.endpoints(conn, tenant_id, _KINDS)
    names = {endpoint.id: endpoint.name for endpoint in found}
    connections = {number: name for name, number in _connections(conn, tenant_id)}
    return Document(
        threshold=tuple(_threshold(one, connections) for one in thresholds.overrides(conn, tenant_id)),
        webhook=tuple(_webhook(one) for one in found if one.kind == "webhook"),
        email=tuple(_email(one) for one in found if one.kind == "email"),
        syslog=tuple(_syslog(one) for one in found if one.kind == "syslog"),
        rule=tuple(_rule(one, names) for one in notifications.all_rules(conn, tenant_id)),
    )


def apply(conn: Connection, tenant_id: int, desired: Desired, act: Act) -> Sequence[Step]:
    """Make the document hold; all of it or nothing."""
    present = current(conn, tenant_id)
    steps = plan(present, desired.document, prune=desired.prune)
    work = _Work(conn, tenant_id, act, desired.made)
    for step in steps:
        entry = entry_of(present if step.verb == "remove" else desired.document, step)
        if isinstance(entry, Threshold):
            work.threshold(step, entry)
        elif isinstance(entry, Rule):
            work.rule(step, entry)
        else:
            work.endpoint(step, entry)
    return steps


class _Work(NamedTuple):
    """The steps, each by its section."""

    conn: Connection
    tenant_id: int
    act: Act
    made: Mapping[str, NewEndpoint]

    def threshold(self, step: Step, entry: Threshold) -> None:
        override = self._override(entry)
        if step.verb == "remove":
            thresholds.remove(self.conn, self.tenant_id, override, self.act)
        else:
            thresholds.put(self.conn, self.tenant_id, override, self.act)

    def endpoint(self, step: Step, entry: Entry) -> None:
        if step.verb == "add":
            new = self.made.get(f"{step.section}/{step.title}")
            if new is None:
                raise Refusal(f"{step.section} {step.title!r}: the configuration has changed meanwhile; run it again")
            self._pause(endpoints.add(self.conn, self.tenant_id, new, self.act), entry)
            return
        found = endpoints.get(self.conn, self.tenant_id, step.title)
        if step.verb == "remove":
            endpoints.remove(self.conn, self.tenant_id, found, self.act)
            return
        target, events = _settings(entry)
        changed = endpoints.change(self.conn, self.tenant_id, found, self.act, target=target, events=events)
        self._pause(changed, entry)

    def rule(self, step: Step, entry: Rule) -> None:
        if step.verb == "remove":
            found = alert_rules.get(self.conn, self.tenant_id, step.title)
            alert_rules.remove(self.conn, self.tenant_id, found, self.act)
            return
        terms = _terms(entry)
        if step.verb == "add":
            found = alert_rules.add(self.conn, self.tenant_id, entry.name, terms, self.act)
        else:
            found = alert_rules.get(self.conn, self.tenant_id, step.title)
            found = alert_rules.change(self.conn, self.tenant_id, found, self.act, terms=terms)
        if found.enabled != entry.enabled:
            alert_rules.enable(self.conn, self.tenant_id, found, self.act, enabled=entry.enabled)

    def _pause(self, found: Listed, entry: Entry) -> None:
        wanted = bool(getattr(entry, "paused", False))
        if wanted and found.state == "enabled":
            endpoints.pause(self.conn, self.tenant_id, found, self.act)
        elif not wanted and found.state == "paused":
            endpoints.resume(self.conn, self.tenant_id, found, self.act)

    def _override(self, entry: Threshold) -> Override:
        values = {name: getattr(entry, name) for name in ("enabled", "interval_s", "warning", "critical")}
        if entry.connection is not None:
            number = self._connection(entry.connection)
            return Override(check=entry.check, origin="connection", scope=str(number), **values)
        if entry.tag is not None:
            return Override(check=entry.check, origin="tag", scope=entry.tag, **values)
        return Override(check=entry.check, origin="tenant", **values)

    def _connection(self, name: str) -> int:
        found = [number for known, number in _connections(self.conn, self.tenant_id) if known == name]
        if len(found) != 1:
            raise Refusal(f"threshold: connection {name!r}; expected the name of one connection, found {len(found)}")
        return found[0]


def _connections(conn: Connection, tenant_id: int) -> list[tuple[str, int]]:
    _, listed = fleet.page(conn, tenant_id, 0, MAX_CONNECTIONS)
    return [(connection.name, connection.id) for connection in listed]


def _threshold(override: Override, connections: Mapping[int, str]) -> Threshold:
    return Threshold(
        check=documented(override.check),
        tag=override.scope if override.origin == "tag" else None,
        connection=connections.get(int(override.scope), override.scope) if override.origin == "connection" else None,
        enabled=override.enabled,
        interval_s=override.interval_s,
        warning=override.warning,
        critical=override.critical,
    )


def _webhook(found: Listed) -> Webhook:
    return Webhook(name=found.name, url=found.target["url"], events=tuple(found.events), paused=_is_paused(found))


def _email(found: Listed) -> Email:
    return Email(name=found.name, to=tuple(found.target["to"]), paused=_is_paused(found))


def _syslog(found: Listed) -> Syslog:
    return Syslog(name=found.name, paused=_is_paused(found), **found.target)


def _is_paused(found: Listed) -> bool:
    return found.state == "paused"


def _rule(rule: notifications.Rule, names: Mapping[str, str]) -> Rule:
    said = {name: getattr(rule.terms, name) for name in rule.terms.__struct_fields__}
    named = {field: tuple(names.get(one, one) for one in said[field]) for field in ("channels", "escalate_to")}
    return Rule(name=rule.name, enabled=rule.enabled, **{**said, **named})


def _terms(entry: Rule) -> Terms:
    said = {name: getattr(entry, name) for name in Terms.__struct_fields__}
    try:
        return terms_rules.check(Terms(**said))
    except ValueError as error:
        raise Refusal(f"rule {entry.name!r}: {error}") from None


def _settings(entry: Entry) -> tuple[dict[str, object], Sequence[str] | None]:
    """Where an endpoint leads and which events it gets, as they are stored."""
    plain = {name: value for name, value in msgspec.structs.asdict(entry).items() if name not in {"name", "paused"}}
    events = plain.pop("events", None)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}, events
