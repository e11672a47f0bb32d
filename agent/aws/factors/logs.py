"""CloudWatch Logs: groups that keep everything for ever."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from agent.aws.catalogue import Book, Evidence, Factor, Result
from agent.aws.factors._estate import Cost, Subject, finding, is_retained
from agent.aws.factors._tagged import tags_by_arn
from agent.aws.snapshot import Resource, Snapshot

KEY = "CLOUDWATCH_LOG_RETENTION"
GIB = 1024**3
LEAST_BYTES = GIB
DAYS = 30
AUDIT_DAYS = 90
_AUDIT = re.compile(r"cloudtrail|audit|flow-?logs?|guardduty", re.IGNORECASE)
_LEFT_ALONE = frozenset({"DELIVERY", "INFREQUENT_ACCESS"})
"""The service itself decides how long a delivery group keeps; the other class was chosen to keep for long."""


def estimate(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    tags = tags_by_arn(snapshot)
    for group in snapshot.of("logs.groups"):
        own = tags.get(str(group["arn"]).removesuffix(":*"), {})
        stored = float(group.get("storedBytes") or 0)
        if group.get("retentionInDays") or stored < LEAST_BYTES or group.get("logGroupClass") in _LEFT_ALONE:
            continue
        name = str(group["logGroupName"])
        since = datetime.fromtimestamp(group["creationTime"] / 1000, UTC)
        days = AUDIT_DAYS if _AUDIT.search(name) else DAYS
        if snapshot.age_days(since) > days and not is_retained(own):
            subject = Subject(resource_id=name, resource=group, tags=own, since=since, name=name)
            yield _kept_for_ever(snapshot, book, subject, group, days)


def _kept_for_ever(snapshot: Snapshot, book: Book, subject: Subject, group: Resource, days: int) -> Result:
    """As if as much had come in on every day since the group was made."""
    name, gib = subject.resource_id, float(group["storedBytes"]) / GIB
    now = book.price("logs", "storage/gb", snapshot.region).times(gib)
    share = days / snapshot.age_days(subject.since) if subject.since else 1.0
    return finding(
        snapshot,
        subject,
        Cost(now=now, then=now.times(share)),
        description=f"Log group {name} keeps {gib:.1f} GiB and never deletes anything",
        action=f"Keep the logs of {name} for {days} days; export first what must stay",
        cli=f"aws logs put-retention-policy --log-group-name {name} --retention-in-days {days}",
        risk="MEDIUM" if days == AUDIT_DAYS else "LOW",
        confidence="MEDIUM",
        metadata={"storedBytes": group["storedBytes"], "retentionInDays": None, "recommendedDays": days},
        evidence=(Evidence(metric="storedBytes", stat="now", value=float(group["storedBytes"])),),
    )


FACTORS = (
    Factor(
        key=KEY,
        number=26,
        category="Cleaner",
        service="CloudWatch",
        kind="MODERNIZE",
        title="Log groups that keep everything for ever",
        collections=("logs.groups",),
        optional=("tagging.resources",),
        estimate=estimate,
    ),
)
