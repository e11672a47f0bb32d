"""Tables of connections, their runs, and the latest state of each check."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Text, text
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, Json, table

SHOWN = "removed_at IS NULL AND listed_at IS NOT NULL"


class Connection(SQLModel, table=True):
    """One Oracle target of one agent.

    `listed_at`: the newest inventory that names it; `removed_at`: set while a newer one does not. A run that arrives
    before the first inventory leaves a row that is not listed yet. `latest_…`: the newest run; `reachable` is what it
    says. `score`, `summary_text`, `counts` and `details` follow from the check states (`rules.derive`), `stale_at` is
    when they have to be looked at again although nothing came in. `raw_score`: the same with nothing muted. `status`
    holds since `status_at` (`history.rules.status`); `told`: what the last health_check.completed said.
    `covered_from` to `covered_until`: the stretch, up to now, in which its data said something without a gap.
    """

    __tablename__ = "connection"
    __table_args__ = (
        Index("connection_by_id", "id", unique=True),
        Index("connection_by_key", "tenant_id", "agent_id", "key", unique=True),
        Index("connection_by_stale", "stale_at"),
        # covers the fleet and the count of a list: rows are wide, and readers ask for them all the time
        Index(
            "connection_shown",
            "tenant_id",
            "id",
            "name",
            "score",
            "removed_at",
            "listed_at",
            sqlite_where=text(SHOWN),
            postgresql_where=text(SHOWN),
        ),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: int = Field(primary_key=True, sa_type=BigInteger)
    agent_id: str
    key: str
    name: str
    type: str
    host: str
    port: int
    tier: str
    tags: Any = Field(sa_type=Json)
    created_at: datetime = Field(sa_type=Instant)
    listed_at: datetime | None = Field(sa_type=Instant)
    removed_at: datetime | None = Field(sa_type=Instant)
    latest_run_id: int | None = Field(sa_type=BigInteger)
    latest_run_key: str | None
    latest_run_at: datetime | None = Field(sa_type=Instant)
    reachable: bool | None
    facts: Any | None = Field(sa_type=Json)
    facts_at: datetime | None = Field(sa_type=Instant)
    facts_run_key: str | None
    score: int | None
    summary_text: str | None = Field(sa_type=Text)
    counts: Any | None = Field(sa_type=Json)
    details: Any | None = Field(sa_type=Json)
    stale_at: datetime | None = Field(sa_type=Instant)
    raw_score: int | None
    series_id: int | None = Field(sa_type=BigInteger)
    status: str | None
    status_at: datetime | None = Field(sa_type=Instant)
    told: str | None
    told_at: datetime | None = Field(sa_type=Instant)
    covered_from: datetime | None = Field(sa_type=Instant)
    covered_until: datetime | None = Field(sa_type=Instant)


class Run(SQLModel, table=True):
    """One visit to a connection.

    `score` is the connection's when this run came in; null where a newer run came before it or in the same batch.
    """

    __tablename__ = "run"
    __table_args__ = (
        Index("run_by_key", "tenant_id", "key", "connection_id", unique=True),
        Index("run_by_time", "tenant_id", "connection_id", "ended_at"),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: int = Field(sa_type=BigInteger)
    key: str
    started_at: datetime = Field(sa_type=Instant)
    ended_at: datetime = Field(sa_type=Instant)
    received_at: datetime = Field(sa_type=Instant)
    trigger: str
    reachable: bool
    parts: int
    parts_seen: Any = Field(sa_type=Json)
    counts: Any = Field(sa_type=Json)
    score: int | None


class CheckState(SQLModel, table=True):
    """The latest outcome of one check of one connection, and what is confirmed (`levels`).

    `recent`: the level of the latest outcome that has one; `finding_since`: when the findings began that go on since;
    `series_id`: of its values in the history.
    """

    __tablename__ = "check_state"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: int = Field(primary_key=True, sa_type=BigInteger)
    check_id: str = Field(primary_key=True)
    category: str
    status: str
    severity: str
    line: str = Field(sa_type=Text)
    value: float | None
    unit: str
    cap: int | None
    fix: str | None = Field(sa_type=Text)
    origin: str
    items: Any = Field(sa_type=Json)
    interval_s: int
    run_key: str
    observed_at: datetime = Field(sa_type=Instant)
    warning: float | None
    critical: float | None
    confirmed: int | None
    recent: int | None
    finding_since: datetime | None = Field(sa_type=Instant)
    series_id: int | None = Field(sa_type=BigInteger)


class CatalogueEntry(SQLModel, table=True):
    """What an agent says about one of its checks; entries of another digest than the agent's are on their way out."""

    __tablename__ = "catalogue_entry"
    __table_args__ = (Index("catalogue_by_check", "tenant_id", "check_id", "uploaded_at", "agent_id"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    agent_id: str = Field(primary_key=True)
    check_id: str = Field(primary_key=True)
    digest: str
    uploaded_at: datetime = Field(sa_type=Instant)
    category: str
    title: str = Field(sa_type=Text)
    remediation: str = Field(sa_type=Text)
    unit: str
    ceiling: str
    interval_s: int
    gate: bool
    enabled: bool
    rest: Any = Field(sa_type=Json)


class ReceivedRange(SQLModel, table=True):
    """Sequence numbers that are durably here, as inclusive ranges: what makes a record count once."""

    __tablename__ = "received_range"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    agent_id: str = Field(primary_key=True)
    epoch: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    first: int = Field(primary_key=True, sa_type=BigInteger)
    last: int = Field(sa_type=BigInteger)


class UnknownRecord(SQLModel, table=True):
    """A record of a kind that this collector does not know yet, kept as it came."""

    __tablename__ = "unknown_record"
    __table_args__ = (Index("unknown_by_time", "received_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    agent_id: str = Field(primary_key=True)
    epoch: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str
    at: datetime = Field(sa_type=Instant)
    body: str = Field(sa_type=Text)
    received_at: datetime = Field(sa_type=Instant)


class Gap(SQLModel, table=True):
    """Records that will never come, as the agent reported it."""

    __tablename__ = "gap"
    __table_args__ = (Index("gap_by_time", "reported_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    agent_id: str = Field(primary_key=True)
    epoch: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    first: int = Field(primary_key=True, sa_type=BigInteger)
    last: int = Field(primary_key=True, sa_type=BigInteger)
    reason: str
    count: int = Field(sa_type=BigInteger)
    reported_at: datetime = Field(sa_type=Instant)


connection = table(Connection)
run = table(Run)
check_state = table(CheckState)
catalogue_entry = table(CatalogueEntry)
received_range = table(ReceivedRange)
unknown_record = table(UnknownRecord)
gap = table(Gap)
