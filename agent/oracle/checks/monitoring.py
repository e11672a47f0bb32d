"""Monitoring: whether the agent itself can do its work on this target."""

from dataclasses import replace

from agent.oracle.catalogue import Check, Facts, Levels, Query, Seen, States, Verdict
from agent.oracle.checks._space import many
from agent.oracle.judging import of_items, ok, skipped, text, unknown
from agent.oracle.queries import TABLESPACES
from common.wire import Item, Outcome, Status

# --- logon ---------------------------------------------------------------------------------------------------------


def judge_login(seen: Seen) -> Verdict:
    """The account or the instance refuses us, which is not an outage of the database."""
    if seen.login.ok:
        return ok("logged on")
    return Verdict(status="critical", line=seen.login.text)


TOO_OLD = "DPY-3010"
_NEEDS = {
    "DPY-3001": "native network encryption or checksums are required, which needs thick mode",
    "DPY-3015": "the account has a 10G password verifier alone, which needs thick mode",
    "ORA-12660": "native network encryption or checksums are required, which needs thick mode",
    "ORA-28040": "the server accepts no logon protocol of this driver (SQLNET.ALLOWED_LOGON_VERSION_SERVER)",
    TOO_OLD: "the server is older than 12.1",
}


def judge_thin(seen: Seen) -> Verdict:
    """What the driver's thin mode cannot do shows when it logs on."""
    if seen.login.ok:
        return ok("thin mode works")
    if seen.login.kind != "client":
        return unknown(f"no logon: {seen.login.text}")
    why = _NEEDS.get(seen.login.code, seen.login.text)
    return Verdict(status="critical" if seen.login.code == TOO_OLD else "warning", line=f"{seen.login.code}: {why}")


# --- what the other checks came to -----------------------------------------------------------------------------------

MAX_FIX = 3900


def judge_errors(seen: Seen) -> Verdict:
    """The critical level is a share in percent of the checks that are switched on."""
    if not seen.peers:
        return skipped("no other check has run yet")
    failing = [peer for peer in seen.peers if peer.status == "unknown" and not _only_closed(peer)]
    share = 100 * len(failing) / len(seen.peers)
    warning, critical = seen.levels.warning, seen.levels.critical
    status: Status = "warning" if warning is not None and len(failing) >= warning else "ok"
    if critical is not None and share > critical:
        status = "critical"
    grants = list(dict.fromkeys(line for peer in failing for line in _grants(peer)))
    items = [Item(peer.check, status, detail=peer.line[:200]) for peer in failing]
    verdict = of_items(items, good=f"{many(len(seen.peers), 'check')} give an answer")
    first = grants[0].rstrip(";") if grants else f"{failing[0].check} {failing[0].line}" if failing else ""
    line = f"{len(failing)} unknown: {first}{' ...' if len(grants or failing) > 1 else ''}"
    shown = verdict.line if status == "ok" else line
    return replace(verdict, status=status, line=shown, value=float(len(failing)), fix=_script(grants))


def _only_closed(peer: Outcome) -> bool:
    """A closed PDB cannot be looked into, which is no fault of the check."""
    hidden = [item for item in peer.items if item.status == "unknown"]
    return bool(hidden) and all(item.detail == "closed" for item in hidden)


def _grants(peer: Outcome) -> list[str]:
    return [line for line in (peer.fix or "").splitlines() if line.startswith("GRANT ")]


def _script(grants: list[str]) -> str | None:
    """As many statements as a finding can carry."""
    script = ""
    for grant in grants:
        if len(script) + len(grant) > MAX_FIX:
            return f"{script}-- more of them: `fieldpost-agent grants` prints all"
        script += f"{grant}\n"
    return script.rstrip() or None


# --- the agent itself ------------------------------------------------------------------------------------------------


def judge_stale(_: Seen) -> Verdict:
    return skipped("judged by the collector")


# --- what a common user sees -----------------------------------------------------------------------------------------

CONTAINER_DATA = Query(
    name="container_data",
    sql="""
SELECT c.default_attr, c.all_containers AS everything, c.owner, c.object_name, c.container_name
FROM dba_container_data c
WHERE c.username = SYS_CONTEXT('USERENV', 'SESSION_USER')
ORDER BY c.default_attr, c.owner, c.object_name
FETCH FIRST 100 ROWS ONLY
""",
)


def in_root(facts: Facts) -> str | None:
    return None if facts.in_root else "only a common user in CDB$ROOT sees several containers"


def judge_containers(seen: Seen) -> Verdict:
    """A common user without CONTAINER_DATA gets the root's rows and no error."""
    pdbs = [
        pdb for pdb in seen.facts.containers if pdb.con_id > 1 and pdb.open_mode != "MOUNTED" and not pdb.restricted
    ]
    shown = {row["con_id"] for row in seen.of(TABLESPACES)}
    if not shown:
        return unknown("CDB_TABLESPACES returned no rows")
    missing = [pdb for pdb in pdbs if pdb.con_id not in shown]
    everything = any(row["default_attr"] == "Y" and row["everything"] == "Y" for row in seen.of(CONTAINER_DATA))
    line = f"{len(pdbs)} open PDBs, {len(pdbs) - len(missing)} visible"
    if not missing and (pdbs or everything):
        return ok(line, 0.0)
    line = line if pdbs else "nothing but CDB$ROOT is visible"
    fix = f"ALTER USER {seen.facts.user} SET CONTAINER_DATA=ALL CONTAINER=CURRENT;"
    items = tuple(Item(text(pdb.name), "warning", detail="open, but hidden from this account") for pdb in missing)
    return Verdict(status="warning", line=line, value=float(len(missing)), items=items, fix=fix)


CHECKS: tuple[Check, ...] = (
    Check(
        id="AGENT_CHECK_ERRORS",
        category="monitoring",
        title="Checks fail or are not allowed",
        unit="count",
        levels=Levels(1, 20),  # critical is a share in percent
        judge=judge_errors,
        remediation="The finding lists the exact missing GRANT statements for this target, ready to paste.",
        source="OWN (peers log and forget)",
        interval_s=300,
        scope="root",
        ceiling="warning",
        reviews=True,
    ),
    Check(
        id="AGENT_STALE",
        category="monitoring",
        title="Agent did not report",
        unit="s",
        levels=States(warning="3 intervals", critical="15 min"),
        judge=judge_stale,
        remediation="Check the agent service and the network path.",
        source="OWN",
        interval_s=60,
        scope="host",
        by_collector=True,
    ),
    Check(
        id="AGENT_CONTAINER_DATA",
        category="monitoring",
        title="Common user sees only the root",
        unit="count",
        levels=States(warning="any missing", critical="-"),
        judge=judge_containers,
        remediation="`ALTER USER c##mon SET CONTAINER_DATA=ALL CONTAINER=CURRENT`.",
        source="OWN",
        interval_s=21600,
        queries=(
            TABLESPACES,
            CONTAINER_DATA,
        ),
        scope="root",
        ceiling="warning",
        mount=False,
        needs=(in_root,),
    ),
    Check(
        id="AGENT_THIN_COMPAT",
        category="monitoring",
        title="Target cannot be used in thin mode",
        unit="state",
        levels=States(warning="needs thick mode (native encryption, 10G verifier)", critical="server older than 12.1"),
        judge=judge_thin,
        remediation=(
            "Change the password verifier, switch native encryption to TLS, or install the thick client "
            "for this target."
        ),
        source="python-oracledb docs",
        interval_s=86400,
        scope="host",
        ceiling="warning",
    ),
    Check(
        id="AGENT_LOGIN",
        category="monitoring",
        title="Monitoring account cannot log on",
        unit="state",
        levels=States("ORA-28002 (password about to expire)", "ORA-01017, ORA-28000, ORA-28001, ORA-28009, ORA-01045"),
        judge=judge_login,
        remediation=(
            "Correct the stored secret, unlock or renew the account, or grant CREATE SESSION; the database "
            "itself is not judged down."
        ),
        source="OWN; oracle #372, #373",
        interval_s=900,
        scope="root",
        mount=False,
    ),
)
