"""Who may do what: powerful grants and password-file users that are new, what PUBLIC may run, public links."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from agent.oracle.catalogue import Query, Row, Seen, Value, Verdict
from agent.oracle.checks._space import closed, many
from agent.oracle.judging import label, last, listed, noted, of_items, ok, shared, text, unknown, worst, worst_first
from agent.oracle.queries import USERS
from common.wire import Item, Status

# Of users that are not Oracle's, and of roles, since a role may hold another one. A common grant counts in the root.
ROLE_GRANTS = Query(
    name="role_grants",
    sql="""
SELECT r.con_id, r.grantee, r.granted_role, r.admin_option
FROM {cdb:role_privs} r
WHERE r.con_id <> 2 AND (r.con_id < 3 OR r.common = 'NO')
  AND r.granted_role NOT IN ('CONNECT', 'RESOURCE', 'SELECT_CATALOG_ROLE') AND r.grantee <> 'DBA'
  AND NOT EXISTS (SELECT 1
                  FROM {cdb:users} u
                  WHERE u.con_id = r.con_id AND u.username = r.grantee AND u.oracle_maintained = 'Y')
ORDER BY r.con_id, r.grantee, r.granted_role
FETCH FIRST 20000 ROWS ONLY
""",
    cost="medium",
)

POWERFUL_GRANTS = Query(
    name="powerful_grants",
    sql="""
SELECT s.con_id, s.grantee, s.privilege, s.admin_option
FROM {cdb:sys_privs} s
WHERE s.con_id <> 2 AND (s.con_id < 3 OR s.common = 'NO') AND s.grantee <> 'DBA'
  AND (s.privilege LIKE '% ANY%' OR s.privilege = 'BECOME USER' OR s.admin_option = 'YES')
  AND NOT EXISTS (SELECT 1
                  FROM {cdb:users} u
                  WHERE u.con_id = s.con_id AND u.username = s.grantee AND u.oracle_maintained = 'Y')
ORDER BY s.con_id, s.grantee, s.privilege
FETCH FIRST 20000 ROWS ONLY
""",
    cost="medium",
)

SYSDBA_USERS = Query(
    name="sysdba_users",
    sql="""
SELECT DISTINCT username
FROM v$pwfile_users
WHERE sysdba = 'TRUE'
ORDER BY username
FETCH FIRST 500 ROWS ONLY
""",
)

PUBLIC_EXECUTE = Query(
    name="public_execute",
    sql="""
SELECT p.con_id, p.table_name
FROM {cdb:tab_privs} p
WHERE p.con_id <> 2 AND (p.con_id < 3 OR p.common = 'NO') AND p.grantee = 'PUBLIC' AND p.owner = 'SYS'
  AND p.privilege = 'EXECUTE'
  AND p.table_name IN ('DBMS_ADVISOR', 'DBMS_BACKUP_RESTORE', 'DBMS_CRYPTO', 'DBMS_JAVA', 'DBMS_JAVA_TEST', 'DBMS_JOB',
                       'DBMS_LDAP', 'DBMS_LOB', 'DBMS_OBFUSCATION_TOOLKIT', 'DBMS_RANDOM', 'DBMS_SCHEDULER', 'DBMS_SQL',
                       'DBMS_SYS_SQL', 'DBMS_XMLGEN', 'DBMS_XMLQUERY', 'HTTPURITYPE', 'UTL_FILE', 'UTL_HTTP',
                       'UTL_INADDR', 'UTL_ORAMTS', 'UTL_SMTP', 'UTL_TCP')
ORDER BY p.con_id, p.table_name
FETCH FIRST 1000 ROWS ONLY
""",
    cost="medium",
)

# Neither the host nor the user of a link is read: both may say more than a finding needs.
PUBLIC_LINKS = Query(
    name="public_links",
    sql="""
SELECT l.con_id, l.db_link
FROM {cdb:db_links} l
WHERE l.con_id <> 2 AND l.owner = 'PUBLIC'
ORDER BY l.con_id, l.db_link
FETCH FIRST 500 ROWS ONLY
""",
)

# --- what is new ---------------------------------------------------------------------------------------------------

BASELINE = "since the baseline"
ACCEPTED_AFTER_S = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Drift:
    """`new`: what came after the baseline, which is what the first run saw; after 30 days it belongs to it."""

    first: bool
    new: frozenset[str]
    note: Mapping[str, float]


def drift(seen: Seen, present: frozenset[str]) -> Drift:
    now, before = seen.now.timestamp(), last(seen)
    if before is None or BASELINE not in before.values:
        return Drift(True, frozenset(), {BASELINE: now, **dict.fromkeys(present, 0.0)})
    since = {name: before.values.get(name, now) for name in present}
    new = frozenset(name for name, at in since.items() if now - at < ACCEPTED_AFTER_S)
    return Drift(False, new, {BASELINE: before.values[BASELINE], **since})


# --- grants --------------------------------------------------------------------------------------------------------

_OWNER = ("GRANT ANY PRIVILEGE", "GRANT ANY ROLE")
_Place = tuple[Value, str]


@dataclass(frozen=True, slots=True)
class Grant:
    """A direct grant to a user that gives power, by itself or through the roles behind it."""

    mark: str
    name: str
    status: Status


def judge_grants(seen: Seen) -> Verdict:
    if not seen.of(USERS):
        return unknown("DBA_USERS returned no rows")
    grants = {grant.mark: grant for grant in _grants(seen)}
    found = drift(seen, frozenset(grants))
    if found.first:
        return noted(_baseline(list(grants.values())), found.note)
    items = [Item(grants[mark].name, grants[mark].status, 1.0) for mark in sorted(found.new)]
    verdict = of_items(items + closed(seen.facts), good=f"no new one, {len(grants)} in the baseline")
    line = f"+{len(items)}: {verdict.line}" if items else verdict.line
    return noted(replace(verdict, line=line, value=float(len(items))), found.note)


def _baseline(grants: list[Grant]) -> Verdict:
    """The first run says what it took for granted, once: it is for the DBA to take back what nobody claims."""
    if not grants:
        return ok("no powerful grant; from now on every new one is a finding", 0.0)
    ordered = worst_first(Item(grant.name, grant.status) for grant in grants)
    items = tuple(Item(item.name, "info", 1.0) for item in ordered)
    line = f"{many(len(grants), 'powerful grant')} taken as the baseline: {listed([item.name for item in items])}"
    return Verdict(status="info", line=line, value=0.0, items=items)


def _grants(seen: Seen) -> list[Grant]:
    """Direct grants to users that are not Oracle's, and to PUBLIC."""
    users = {(row["con_id"], text(row["username"])) for row in seen.of(USERS) if row["oracle_maintained"] != "Y"}
    containers = {con_id for con_id, _ in users} | {row["con_id"] for row in seen.of(USERS)}
    users |= {(con_id, "PUBLIC") for con_id in containers}
    roles, privileges = _roles(seen), _privileges(seen)
    found = [
        _grant(seen, row, text(row["granted_role"]), _of_role(row, roles, privileges))
        for row in seen.of(ROLE_GRANTS)
        if (row["con_id"], text(row["grantee"])) in users
    ]
    found += [
        _grant(seen, row, text(row["privilege"]), _of_privilege(text(row["privilege"])))
        for row in seen.of(POWERFUL_GRANTS)
        if (row["con_id"], text(row["grantee"])) in users
    ]
    return [grant for grant in found if grant.status != "ok"]


def _grant(seen: Seen, row: Row, what: str, status: Status) -> Grant:
    who = label(seen.facts, row["con_id"], shared(seen.facts, "users", row["grantee"]))
    admin = " with ADMIN OPTION" if row["admin_option"] == "YES" else ""
    return Grant(f"{text(row['con_id'])} {text(row['grantee'])} {what}{admin}", f"{who} -> {what}{admin}", status)


def _roles(seen: Seen) -> Mapping[_Place, set[_Place]]:
    """Role -> the roles in it, per container; those of the root serve everywhere."""
    found: dict[_Place, set[_Place]] = defaultdict(set)
    for row in seen.of(ROLE_GRANTS):
        found[row["con_id"], text(row["grantee"])].add((row["con_id"], text(row["granted_role"])))
    return found


def _privileges(seen: Seen) -> Mapping[_Place, set[str]]:
    found: dict[_Place, set[str]] = defaultdict(set)
    for row in seen.of(POWERFUL_GRANTS):
        found[row["con_id"], text(row["grantee"])].add(text(row["privilege"]))
    return found


def _behind(role: _Place, roles: Mapping[_Place, set[_Place]]) -> set[_Place]:
    """A role and all that it holds, at any depth."""
    reached: set[_Place] = set()
    waiting = [role]
    while waiting:
        place = waiting.pop()
        if place in reached:
            continue
        reached.add(place)
        waiting += roles.get(place, ())
        if place[0] not in (0, 1):
            waiting.append((1, place[1]))
    return reached


def _of_role(row: Row, roles: Mapping[_Place, set[_Place]], privileges: Mapping[_Place, set[str]]) -> Status:
    reached = _behind((row["con_id"], text(row["granted_role"])), roles)
    return worst([_power(reached, privileges), "warning" if row["admin_option"] == "YES" else "ok"])


def _power(reached: set[_Place], privileges: Mapping[_Place, set[str]]) -> Status:
    if any(name == "DBA" for _, name in reached):
        return "critical"
    return worst(_of_privilege(privilege) for place in reached for privilege in privileges.get(place, ()))


def _of_privilege(privilege: str) -> Status:
    return "critical" if privilege in _OWNER else "warning"


# --- the password file ---------------------------------------------------------------------------------------------


def judge_sysdba(seen: Seen) -> Verdict:
    """SYS is always there."""
    names = {text(row["username"]) for row in seen.of(SYSDBA_USERS)} - {"SYS", ""}
    if not seen.of(SYSDBA_USERS):
        return unknown("V$PWFILE_USERS shows no SYSDBA, not even SYS")
    found = drift(seen, frozenset(names))
    shown = {name: shared(seen.facts, "users", name) for name in names}
    if found.first and names:
        line = f"{many(len(names), 'holder')} of SYSDBA taken as the baseline: {listed(sorted(shown.values()))}"
        return noted(Verdict(status="info", line=line, value=0.0), found.note)
    items = [Item(shown[name], "warning", 1.0) for name in sorted(found.new)]
    verdict = of_items(items, good=f"no new one, {many(len(names), 'holder')} of SYSDBA beside SYS")
    line = f"+{len(items)}: {verdict.line}" if items else verdict.line
    return noted(replace(verdict, line=line, value=float(len(items))), found.note)


# --- PUBLIC --------------------------------------------------------------------------------------------------------

# Parts of Oracle itself run as PUBLIC through these: to revoke them breaks more than it protects.
NEEDED = ("DBMS_LOB", "DBMS_SQL")


def judge_public(seen: Seen) -> Verdict:
    risky = [row for row in seen.of(PUBLIC_EXECUTE) if row["table_name"] not in NEEDED]
    needed = [row for row in seen.of(PUBLIC_EXECUTE) if row["table_name"] in NEEDED]
    status = seen.levels.status(len(risky))
    items = [Item(label(seen.facts, row["con_id"], row["table_name"]), status, 1.0) for row in risky]
    items += [
        Item(label(seen.facts, row["con_id"], row["table_name"]), "info", 0.0, "Oracle depends on it") for row in needed
    ]
    verdict = of_items(items + closed(seen.facts), good="no risky package")
    return replace(verdict, value=float(len(risky)))


def judge_links(seen: Seen) -> Verdict:
    rows = seen.of(PUBLIC_LINKS)
    status = seen.levels.status(len(rows))
    items = [Item(label(seen.facts, row["con_id"], row["db_link"]), status, 1.0) for row in rows]
    verdict = of_items(items + closed(seen.facts), good="no public link")
    if verdict.status == "warning":
        verdict = replace(verdict, line=f"{many(len(rows), 'public link')} ({listed([item.name for item in items])})")
    return replace(verdict, value=float(len(rows)))
