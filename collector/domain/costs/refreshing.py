"""Having an account scanned now, by its agent, and what has become of that."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.accounts import store as accounts
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.assignments import store as assignments
from collector.domain.assignments.rules import State
from collector.domain.assignments.store import NewJob
from collector.domain.assignments.tables import job
from collector.domain.costs.tables import aws_region

SCAN_WITHIN = timedelta(hours=2)
_USUAL = timedelta(minutes=5)
_SAMPLE = 5


class NoAgent(Refusal):
    """Nobody looks after the account."""


class UnknownFactor(Refusal):
    """A factor that no scan of this account has ever judged."""


class UnknownRegion(Refusal):
    """The account is not looked at in that region; the message names those in which it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One region or all of them, some factors or all of them."""

    account_id: str
    region: str | None = None
    factors: tuple[str, ...] = ()


class Queued(NamedTuple):
    """A scan that was just asked for."""

    job_id: str
    done_by: datetime


class Progress(NamedTuple):
    """A job about an AWS account; `done` of `total` regions."""

    id: str
    kind: str
    account_id: str
    state: State
    detail: str
    created_at: datetime
    finished_at: datetime | None
    done: int | None
    total: int | None


def refresh(conn: Connection, tenant_id: int, wanted: Wanted, act: Act) -> Queued | None:
    """Ask for a scan; None where the account is not linked."""
    linked = accounts.find(conn, tenant_id, wanted.account_id)
    if linked is None:
        return None
    if linked.agent_id is None:
        raise NoAgent(f"No agent looks after the AWS account {wanted.account_id}")
    if wanted.region is not None and wanted.region not in linked.regions:
        raise UnknownRegion(", ".join(linked.regions))
    _check_factors(conn, tenant_id, wanted)
    given = {"region": wanted.region or "", "factors": ",".join(wanted.factors)}
    new = NewJob(
        kind="aws_scan",
        target=wanted.account_id,
        deadline=act.at + SCAN_WITHIN,
        arguments={name: value for name, value in given.items() if value},
        total=1 if wanted.region else len(linked.regions),
    )
    job_id = assignments.add_job(conn, tenant_id, linked.agent_id, new, act.at)
    about = {"by": act.by, "account_id": wanted.account_id, "job_id": job_id, **new.arguments}
    activity.append(conn, tenant_id, [Entry("recommendations_refreshed", about, act.at)])
    return Queued(job_id, act.at + _duration(conn, tenant_id, linked.agent_id, wanted.account_id))


def progress(conn: Connection, tenant_id: int, job_id: str) -> Progress | None:
    row = conn.execute(_JOB, {"tenant_id": tenant_id, "job_id": job_id}).one_or_none()
    return Progress._make(row) if row else None


def _check_factors(conn: Connection, tenant_id: int, wanted: Wanted) -> None:
    """Before the first scan nobody here knows which there are; the agent refuses what it does not know."""
    rows = conn.execute(_JUDGED, {"tenant_id": tenant_id, "account_id": wanted.account_id}).all()
    known = {name for row in rows for name in (*row.judged, *(one["factor"] for one in row.undecided))}
    for name in wanted.factors:
        if known and name not in known:
            raise UnknownFactor(name)


def _duration(conn: Connection, tenant_id: int, agent_id: str, account_id: str) -> timedelta:
    place = {"tenant_id": tenant_id, "agent_id": agent_id, "account_id": account_id}
    took = [row.finished_at - row.created_at for row in conn.execute(_PAST, place)]
    return sum(took, timedelta()) / len(took) if took else _USUAL


_J, _A = job.c, aws_region.c

_JOB = select(_J.id, _J.kind, _J.target, _J.state, _J.detail, _J.created_at, _J.finished_at, _J.done, _J.total).where(
    _J.tenant_id == bindparam("tenant_id"), _J.id == bindparam("job_id"), _J.kind.in_(("aws_scan", "aws_verify"))
)
_PAST = (
    select(_J.created_at, _J.finished_at)
    .where(
        _J.tenant_id == bindparam("tenant_id"),
        _J.agent_id == bindparam("agent_id"),
        _J.state == "succeeded",
        _J.kind == "aws_scan",
        _J.target == bindparam("account_id"),
    )
    .order_by(_J.created_at.desc())
    .limit(_SAMPLE)
)
_JUDGED = select(_A.judged, _A.undecided).where(
    _A.tenant_id == bindparam("tenant_id"), _A.account_id == bindparam("account_id")
)
