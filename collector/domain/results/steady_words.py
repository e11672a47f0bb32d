"""What `steady_store` says to both stores; each statement names the tenant of every row that it is about."""

from typing import NamedTuple

from collector.core.bulk import Bulk


class State(NamedTuple):
    connection_id: int
    check_id: str
    category: str
    status: str
    severity: str
    line: str
    value: float | None
    unit: str
    cap: int | None
    fix: str | None
    origin: str
    items: str | None
    interval_s: int
    observed_at: int
    warning: float | None
    critical: float | None
    confirmed: int | None
    recent: int | None
    finding_since: int | None
    series_id: int | None


LOCK = Bulk(
    "WITH s(tenant_id, agent_id, key_id) AS (VALUES {rows})"
    " SELECT a.id, a.state, a.last_seen_at, a.silence,"
    " (SELECT d.version FROM assignment d WHERE d.tenant_id = a.tenant_id AND d.agent_id = a.id),"
    " EXISTS (SELECT 1 FROM agent_key k WHERE k.tenant_id = a.tenant_id AND k.agent_id = a.id AND k.key_id = s.key_id"
    " AND k.retired_at IS NULL)"
    " FROM s CROSS JOIN agent a WHERE a.tenant_id = s.tenant_id AND a.id = s.agent_id ORDER BY a.id{lock}",
    "bigint text text",
)
TOUCHING = Bulk(
    "WITH s(n, tenant_id, agent_id, epoch, stream, low, high) AS (VALUES {rows})"
    ' SELECT s.n, r."first", r."last" FROM s CROSS JOIN received_range r'
    " WHERE r.tenant_id = s.tenant_id AND r.agent_id = s.agent_id AND r.epoch = s.epoch AND r.stream = s.stream"
    ' AND r."first" <= s.high AND r."last" >= s.low',
    "bigint bigint text text text bigint bigint",
)
_OF_SOURCE = (
    "received_range r WHERE r.tenant_id = s.tenant_id AND r.agent_id = s.agent_id"
    " AND r.epoch = s.epoch AND r.stream = s.stream"
)
ENDS = Bulk(
    "WITH s(n, tenant_id, agent_id, epoch, stream) AS (VALUES {rows})"
    f' SELECT s.n, (SELECT min(r."first") FROM {_OF_SOURCE}), (SELECT max(r."first") FROM {_OF_SOURCE}) FROM s',
    "bigint bigint text text text",
)
ROWS = Bulk(
    "WITH s(tenant_id, agent_id, key) AS (VALUES {rows})"
    " SELECT c.agent_id, c.id, c.key, c.removed_at, c.latest_run_id, c.latest_run_key, c.latest_run_at, c.reachable,"
    " c.facts, c.facts_at, c.facts_run_key, c.score, c.stale_at, c.series_id, c.status, c.told, c.told_at,"
    " c.covered_from, c.covered_until FROM s CROSS JOIN connection c"
    " WHERE c.tenant_id = s.tenant_id AND c.agent_id = s.agent_id AND c.key = s.key",
    "bigint text text",
)
KNOWN_RUNS = Bulk(
    "WITH s(tenant_id, key, connection_id) AS (VALUES {rows})"
    " SELECT r.key, r.connection_id FROM s CROSS JOIN run r"
    " WHERE r.tenant_id = s.tenant_id AND r.key = s.key AND r.connection_id = s.connection_id",
    "bigint text bigint",
)
MUTES = Bulk(
    "WITH s(tenant_id, connection_id) AS (VALUES {rows})"
    " SELECT m.connection_id, m.check_id, m.expires_at FROM s CROSS JOIN finding_mark m"
    " WHERE m.tenant_id = s.tenant_id AND m.connection_id = s.connection_id AND m.kind = 'mute'",
    "bigint bigint",
)
STATES = Bulk(
    "WITH s(tenant_id, connection_id) AS (VALUES {rows})"
    f" SELECT {', '.join(f'c.{name}' for name in State._fields)} FROM s CROSS JOIN check_state c"
    " WHERE c.tenant_id = s.tenant_id AND c.connection_id = s.connection_id",
    "bigint bigint",
)
OPEN = Bulk(
    "WITH s(tenant_id, connection_id) AS (VALUES {rows})"
    " SELECT t.connection_id, t.check_id, t.id, t.severity, t.occurrences, t.last_seen_at, t.remediation"
    " FROM s CROSS JOIN ticket t"
    " WHERE t.tenant_id = s.tenant_id AND t.connection_id = s.connection_id AND t.status = 'open'",
    "bigint bigint",
)
TOUCH = Bulk(
    "WITH s(tenant_id, id, line, remediation, seen_at, occurrences) AS (VALUES {rows})"
    " UPDATE ticket SET metric_line = s.line, remediation = s.remediation, last_seen_at = s.seen_at,"
    " occurrences = s.occurrences FROM s WHERE ticket.tenant_id = s.tenant_id AND ticket.id = s.id",
    "bigint bigint text text bigint bigint",
)
_STATE_COLUMNS = [
    "check_id", "category", "status", "severity", "line", "value", "unit", "cap", "fix", "origin", "items",
    "interval_s", "run_key", "observed_at", "warning", "critical", "confirmed", "recent", "finding_since", "series_id",
]  # fmt: skip
SAVE_STATE = Bulk(
    f"INSERT INTO check_state (tenant_id, connection_id, {', '.join(_STATE_COLUMNS)}) VALUES {{rows}}"
    " ON CONFLICT (tenant_id, connection_id, check_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _STATE_COLUMNS[1:]),
    "bigint bigint text text text text text float8 text bigint text text text bigint text bigint"
    " float8 float8 bigint bigint bigint bigint",
)
SEEN_ALL = Bulk(
    "WITH s(tenant_id, connection_id, run_key, at) AS (VALUES {rows})"
    " UPDATE check_state SET observed_at = s.at, run_key = s.run_key FROM s"
    " WHERE check_state.tenant_id = s.tenant_id AND check_state.connection_id = s.connection_id",
    "bigint bigint text bigint",
)
_AGAIN = (
    "WITH s(tenant_id, connection_id, run_key, at, checks) AS (VALUES {rows})"
    " UPDATE check_state SET observed_at = s.at, run_key = s.run_key FROM s, %s"
    " WHERE check_state.tenant_id = s.tenant_id AND check_state.connection_id = s.connection_id"
    " AND check_state.check_id = seen.value"
)
AGAIN_SQLITE = Bulk(_AGAIN % "json_each(s.checks) AS seen", "bigint bigint text bigint text")
AGAIN_POSTGRES = Bulk(_AGAIN % "json_array_elements_text(s.checks::json) AS seen", "bigint bigint text bigint text")
ADD_RUN = Bulk(
    "INSERT INTO run (tenant_id, id, connection_id, key, started_at, ended_at, received_at, trigger, reachable, parts,"
    " parts_seen, counts, score) VALUES {rows}",
    "bigint bigint bigint text bigint bigint bigint text boolean bigint text text bigint",
)
SAVE_ROW = Bulk(
    "WITH s(tenant_id, id, latest_run_id, latest_run_key, latest_run_at, facts, facts_at, facts_run_key, stale_at,"
    " covered_until) AS (VALUES {rows})"
    " UPDATE connection SET latest_run_id = s.latest_run_id, latest_run_key = s.latest_run_key,"
    " latest_run_at = s.latest_run_at, facts = s.facts, facts_at = s.facts_at, facts_run_key = s.facts_run_key,"
    " stale_at = s.stale_at, covered_until = s.covered_until"
    " FROM s WHERE connection.tenant_id = s.tenant_id AND connection.id = s.id",
    "bigint bigint bigint text bigint text bigint text bigint bigint",
)
SAVE_DERIVED = Bulk(
    "WITH s(tenant_id, id, raw_score, summary_text, counts, details) AS (VALUES {rows})"
    " UPDATE connection SET raw_score = s.raw_score, summary_text = s.summary_text, counts = s.counts,"
    " details = s.details FROM s WHERE connection.tenant_id = s.tenant_id AND connection.id = s.id",
    "bigint bigint bigint text text text",
)
EXTEND = Bulk(
    'INSERT INTO received_range (tenant_id, agent_id, epoch, stream, "first", "last") VALUES {rows}'
    ' ON CONFLICT (tenant_id, agent_id, epoch, stream, "first") DO UPDATE SET "last" = excluded."last"',
    "bigint text text text bigint bigint",
)
SEEN = Bulk(
    "WITH s(tenant_id, id, at) AS (VALUES {rows})"
    " UPDATE agent SET last_seen_at = s.at FROM s WHERE agent.tenant_id = s.tenant_id AND agent.id = s.id",
    "bigint text bigint",
)
