"""Availability: does the target let its users in, and is it in the state that its role asks for."""

from collections.abc import Mapping
from statistics import median

from agent.oracle.catalogue import Check, Facts, Levels, Query, Row, Rows, Seen, States, Verdict
from agent.oracle.judging import (
    age,
    by_level,
    held_s,
    last,
    marks,
    noted,
    number,
    ok,
    skipped,
    text,
    unknown,
    worst,
    worst_first,
)
from agent.oracle.needs import on_database
from agent.oracle.queries import DATABASE, INSTANCE
from common.wire import Item

# --- the logon itself ----------------------------------------------------------------------------------------------

STARTING = ("ORA-01033", "ORA-01035")
_CLASS = {
    "listener": "listener down",
    "service": "service unknown to the listener",
    "instance": "instance not available",
    "network": "no answer from the network",
}


def judge_connect(seen: Seen) -> Verdict:
    """Nobody gets in is an outage; that the agent does not get in is not."""
    login = seen.login
    if login.ok:
        return ok(f"connected in {login.seconds:.2f} s")
    if login.kind == "credentials":
        return unknown(f"logon refused: {login.code} (see AGENT_LOGIN)")
    if login.kind == "client":
        return unknown(f"not possible with this driver: {login.code}")
    if login.code in STARTING:
        return unknown(f"{login.code}: mounted, starting or restricted, only users with special rights get in")
    code = login.code or "no code"
    return Verdict(status="critical", line=f"refused: {code} ({_CLASS.get(login.kind, 'unknown class')})", cap=0)


def judge_connect_time(seen: Seen) -> Verdict:
    """The median of this logon and the two before it; the first after a start loads code and is left out."""
    login = seen.login
    if not login.ok:
        return unknown(f"no logon: {login.code}")
    if login.first_since_start:
        return skipped("the first logon since the agent started is not measured")
    before = last(seen)
    earlier = [before.values[key] for key in ("last", "last_but_one") if key in before.values] if before else []
    seconds = median([login.seconds, *earlier])
    expected = "" if seen.levels.warning is None else f" (expected < {seen.levels.warning:g} s)"
    verdict = by_level(seconds, seen.levels, f"{seconds:.1f} s{expected}")
    return noted(verdict, dict(zip(("last", "last_but_one"), [login.seconds, *earlier], strict=False)))


# --- the instance --------------------------------------------------------------------------------------------------

_EXPECTED: Mapping[str, tuple[str, ...]] = {
    "PRIMARY": ("READ WRITE",),
    "PHYSICAL STANDBY": ("MOUNTED", "READ ONLY", "READ ONLY WITH APPLY"),
    "LOGICAL STANDBY": ("READ WRITE",),
    "SNAPSHOT STANDBY": ("READ WRITE",),
    "FAR SYNC": ("MOUNTED",),
}
STARTED_TOO_LONG_S = 600


def judge_instance_status(seen: Seen) -> Verdict:
    rows, databases = seen.of(INSTANCE), seen.of(DATABASE)
    if not rows or not databases:
        return unknown("V$INSTANCE or V$DATABASE gave no row")
    instance, database = rows[0], databases[0]
    role, mode = text(database["database_role"]), text(database["open_mode"])
    if role not in _EXPECTED:
        return unknown(f"no expected state is known for the role {role or 'NULL'}")
    wrong = _wrong_state(instance, role=role, mode=mode)
    if wrong:
        return Verdict(status="critical", line=wrong)
    unusual = _unusual_state(instance)
    return Verdict(status="warning", line=unusual) if unusual else ok(f"{mode} ({role})")


def _wrong_state(instance: Row, *, role: str, mode: str) -> str:
    status = text(instance["status"])
    if status == "STARTED":
        return ""
    if text(instance["database_status"]) == "SUSPENDED":
        return "SUSPENDED: all I/O is halted"
    if mode not in _EXPECTED[role]:
        return f"{mode} (expected {' or '.join(_EXPECTED[role])} for {role})"
    if status != ("MOUNTED" if mode == "MOUNTED" else "OPEN"):
        return f"{status} (expected OPEN)"
    return ""


def _unusual_state(instance: Row) -> str:
    uptime = number(instance["uptime_s"])
    if text(instance["status"]) == "STARTED" and uptime is not None and uptime > STARTED_TOO_LONG_S:
        return f"STARTED for {age(uptime)}, not mounted"
    if text(instance["logins"]) == "RESTRICTED":
        return "logons are RESTRICTED"
    return "a shutdown is pending" if text(instance["shutdown_pending"]) == "YES" else ""


def judge_restart(seen: Seen) -> Verdict:
    """By age, and by the start time of the last run, so that no restart is missed between two visits."""
    rows = seen.of(INSTANCE)
    uptime, started = (number(rows[0]["uptime_s"]), number(rows[0]["started_s"])) if rows else (None, None)
    if uptime is None or started is None:
        return unknown("the start time of the instance is NULL")
    line = f"up {age(uptime)} (restart at {text(rows[0]['started'])[-5:]})"
    verdict = by_level(uptime, seen.levels, line)
    if verdict.status == "ok":
        missed = _restarted_unseen(seen, started)
        verdict = Verdict(status="warning", line=f"{line}, unseen until now", value=uptime) if missed else verdict
    if verdict.status == "ok":
        verdict = ok(f"up {age(uptime)}", uptime)
    return noted(verdict, {"started_s": round(started), "instance": seen.facts.instance_number})


def _restarted_unseen(seen: Seen, started: float) -> bool:
    before = last(seen)
    if before is None or before.values["instance"] != seen.facts.instance_number:
        return False
    return before.values["started_s"] != round(started)


def judge_logins(seen: Seen) -> Verdict:
    if seen.login.code == "ORA-01035":
        return Verdict(status="critical", line="RESTRICTED (ORA-01035 at logon)")
    rows = seen.of(INSTANCE)
    if not rows or rows[0]["logins"] is None:
        return unknown("V$INSTANCE.LOGINS is NULL")
    instance = rows[0]
    logins, state = text(instance["logins"]), text(instance["active_state"])
    if logins == "RESTRICTED":
        return _restricted(seen.facts, text(instance["status"]))
    if state in ("QUIESCING", "QUIESCED"):
        return Verdict(status="warning", line=state)
    return ok(logins)


def _restricted(facts: Facts, status: str) -> Verdict:
    if status == "OPEN MIGRATE":
        return Verdict(status="info", line="RESTRICTED (upgrade mode sets it on purpose)")
    serving = facts.primary and not facts.mounted
    return Verdict(status="critical" if serving else "warning", line="RESTRICTED")


# --- services ------------------------------------------------------------------------------------------------------

LEARNED_AFTER_S = 7 * 86_400

# Services that run on another instance of the cluster are offered all the same.
ACTIVE_SERVICES = Query(
    name="active_services",
    sql="SELECT con_id, name FROM v$active_services WHERE con_id <> 2 ORDER BY con_id, name",
    special=(
        lambda facts: facts.rac,
        "SELECT DISTINCT con_id, name FROM gv$active_services WHERE con_id <> 2 ORDER BY con_id, name",
    ),
)
DEFINED_SERVICES = Query(
    name="defined_services",
    sql="SELECT s.con_id, s.name, s.network_name, s.enabled FROM {cdb:services} s ORDER BY s.con_id, s.name",
)


def judge_services(seen: Seen) -> Verdict:
    """Expected is what ran here for seven days in the same role and is still defined and enabled."""
    facts, before = seen.facts, last(seen)
    active = {f"{facts.role}/{_place(facts, row)}" for row in seen.of(ACTIVE_SERVICES) if _of_users(facts, row)}
    defined = {_place(facts, row) for row in _not_disabled(seen.of(DEFINED_SERVICES))}
    closed = {container.name for container in facts.containers if container.open_mode == "MOUNTED"}
    learned = {key for key in (before.values if before else ()) if held_s(seen, key) >= LEARNED_AFTER_S}
    learned = {
        key for key in learned if key in active or key.split("/", 1)[1] in defined or key.split("/")[1] in closed
    }
    expected = {key for key in learned if key.startswith(f"{facts.role}/")}
    items = [_missing(key, closed) for key in sorted(expected - active)]
    return noted(_services_verdict(expected, items, learning=len(active)), marks(seen, active | learned))


def _not_disabled(rows: Rows) -> Rows:
    """ENABLED is NO throughout where nobody manages services with it; it says something only beside a YES."""
    managed = any(row["enabled"] == "YES" for row in rows)
    return [row for row in rows if not managed or row["enabled"] != "NO"]


def _missing(key: str, closed: set[str]) -> Item:
    """A service that does not run; of a closed PDB nothing can be said."""
    _, container, name = key.split("/", 2)
    label = f"{container}.{name}" if container else name
    if container in closed:
        return Item(name=label, status="unknown", detail="its PDB is closed")
    return Item(name=label, status="critical", value=1.0)


def _services_verdict(expected: set[str], items: list[Item], *, learning: int) -> Verdict:
    if not expected:
        return skipped(f"learning which services run here, for seven days ({learning} so far)")
    down = [item.name for item in items if item.status == "critical"]
    if down:
        line = f"{len(down)} of {len(expected)} services down: {', '.join(down[:5])}"
        return Verdict(status="critical", line=line, value=float(len(down)), items=worst_first(items))
    line = f"{len(expected) - len(items)} of {len(expected)} services up"
    return Verdict(status=worst(item.status for item in items), line=line, value=0.0, items=worst_first(items))


def _place(facts: Facts, row: Row) -> str:
    """`SALES/APP_RW`; with the role before it, since a service bound to a role is expected only there."""
    container = facts.container_name(row["con_id"])
    return f"{'' if container == 'CDB$ROOT' else container}/{text(row['name'])}"


def _of_users(facts: Facts, row: Row) -> bool:
    """Background services, the default ones of database and PDB, and XDB's come and go with their owner."""
    name = text(row["name"]).lower()
    own = {facts.unique_name.lower(), facts.db_name.lower(), facts.container_name(row["con_id"]).lower()}
    return not name.startswith("sys$") and not name.endswith("xdb") and name.split(".")[0] not in own


# --- the checks ----------------------------------------------------------------------------------------------------

CHECKS: tuple[Check, ...] = (
    Check(
        id="DB_CONNECT",
        category="availability",
        title="Database does not accept connections",
        unit="state",
        levels=States(warning="-", critical="connect fails on 2 consecutive runs"),
        judge=judge_connect,
        remediation=(
            "Check that the listener answers, that the instance is up (`srvctl status` or the PMON process) and read "
            "the tail of the alert log; the finding carries the exact ORA-/DPY- code and its class (listener, "
            "service, credentials, instance, network)."
        ),
        source="OWN; every peer treats it as hard down",
        interval_s=60,
    ),
    Check(
        id="CONNECT_TIME",
        category="availability",
        title="Logon takes too long",
        unit="s",
        levels=Levels(1, 5),
        judge=judge_connect_time,
        remediation=(
            "Look for DNS delays on the listener host, a saturated listener, slow AFTER LOGON triggers, failed-logon "
            "delay, or a CPU-starved server."
        ),
        source="COH 1/5 s",
        interval_s=300,
    ),
    Check(
        id="INSTANCE_STATUS",
        category="availability",
        title="Instance is not in the expected state",
        unit="state",
        levels=States(
            warning="RESTRICTED or STARTED longer than 10 min",
            critical="PRIMARY not READ WRITE, STATUS <> OPEN, DATABASE_STATUS = SUSPENDED",
        ),
        judge=judge_instance_status,
        remediation=(
            "Open the database (`ALTER DATABASE OPEN`) after reading the alert log for the reason it stayed mounted; "
            "resume a suspended database with `ALTER SYSTEM RESUME`."
        ),
        source="CMK (primary not open is critical), REF",
        interval_s=60,
        queries=(INSTANCE, DATABASE),
        needs=(on_database,),
        gated=True,
    ),
    Check(
        id="INSTANCE_RESTART",
        category="availability",
        title="Instance restarted recently",
        unit="s",
        levels=Levels(900, 300, below=True),
        judge=judge_restart,
        remediation=(
            "If the restart was not planned, read the alert log before the start for ORA-00600/07445/04030, an "
            "eviction or an OS reboot."
        ),
        source="COH 900:/300:; ZBX <10 min (info)",
        interval_s=300,
        queries=(INSTANCE,),
        ceiling="warning",
    ),
    Check(
        id="INSTANCE_LOGINS_RESTRICTED",
        category="availability",
        title="Logons are restricted",
        unit="state",
        levels=States(warning="QUIESCING/QUIESCED", critical="RESTRICTED on an open primary"),
        judge=judge_logins,
        remediation=(
            "`ALTER SYSTEM DISABLE RESTRICTED SESSION` once maintenance is over; `ALTER SYSTEM UNQUIESCE` for a "
            "quiesced database."
        ),
        source="CMK (restricted logins critical)",
        interval_s=300,
        queries=(INSTANCE,),
        needs=(on_database,),
    ),
    Check(
        id="SERVICE_NOT_RUNNING",
        category="availability",
        title="An expected service is not offered",
        unit="count",
        levels=States(warning="-", critical=">= 1"),
        judge=judge_services,
        remediation=(
            "Start it with `srvctl start service` (or DBMS_SERVICE.START_SERVICE without Grid Infrastructure); in a "
            "PDB save the state so that it comes back after a restart."
        ),
        source="OWN; New Relic/zbxdb list services",
        interval_s=300,
        queries=(DEFINED_SERVICES, ACTIVE_SERVICES),
        scope="per-PDB",
        mount=False,
    ),
)
