"""Parameters that protect, and the keystore that encrypted tablespaces need."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

from agent.oracle.catalogue import Query, Row, Seen, Value, Verdict
from agent.oracle.checks._space import many, place, plain
from agent.oracle.judging import label, listed, number, of_items, skipped, text, unknown, worst_first
from common.wire import Item, Status

# What a release does not have (utl_file_dir from 18c, the last of them in 23ai) gives no row.
SECURITY_PARAMETERS = Query(
    name="security_parameters",
    sql="""
SELECT LOWER(p.name) AS name, p.value, p.con_id
FROM v$system_parameter p
WHERE p.con_id <> 2
  AND LOWER(p.name) IN ('audit_sys_operations', 'global_names', 'o7_dictionary_accessibility', 'os_roles',
                        'remote_login_passwordfile', 'remote_os_authent', 'remote_os_roles', 'resource_limit',
                        'sec_case_sensitive_logon', 'sec_max_failed_login_attempts',
                        'sec_protocol_error_further_action', 'sec_protocol_error_trace_action',
                        'sec_return_server_release_banner', 'sql92_security')
ORDER BY p.con_id, p.name
FETCH FIRST 5000 ROWS ONLY
""",
)

# A keystore may be a file and a hardware module at once, and each container sees its own.
KEYSTORES = Query(
    name="keystores",
    sql="""
SELECT con_id, wrl_type, status, wallet_type
FROM v$encryption_wallet
WHERE con_id <> 2
ORDER BY con_id, wallet_order
""",
)

ENCRYPTED = Query(
    name="encrypted_tablespaces",
    sql="""
SELECT con_id, COUNT(*) AS tablespaces
FROM v$encrypted_tablespaces
WHERE con_id <> 2 AND encryptedts = 'YES'
GROUP BY con_id
ORDER BY con_id
""",
)

# --- parameters ----------------------------------------------------------------------------------------------------


def _is(*words: str) -> Callable[[str], bool]:
    return lambda value: value.upper() in words


def _at_most(most: int) -> Callable[[str], bool]:
    return lambda value: value.isdigit() and int(value) <= most


def _drops(value: str) -> bool:
    return re.fullmatch(r"\(?\s*DROP\s*,\s*[1-3]\s*\)?", value, re.IGNORECASE) is not None


# Data Guard and RMAN need a password file: EXCLUSIVE is as good as the NONE of the benchmark.
RULES: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "audit_sys_operations": (_is("TRUE"), "TRUE"),
    "global_names": (_is("TRUE"), "TRUE"),
    "o7_dictionary_accessibility": (_is("FALSE"), "FALSE"),
    "os_roles": (_is("FALSE"), "FALSE"),
    "remote_login_passwordfile": (_is("NONE", "EXCLUSIVE"), "EXCLUSIVE or NONE"),
    "remote_os_authent": (_is("FALSE"), "FALSE"),
    "remote_os_roles": (_is("FALSE"), "FALSE"),
    "resource_limit": (_is("TRUE"), "TRUE"),
    "sec_case_sensitive_logon": (_is("TRUE"), "TRUE"),
    "sec_max_failed_login_attempts": (_at_most(3), "3 at most"),
    "sec_protocol_error_further_action": (_drops, "(DROP,3)"),
    "sec_protocol_error_trace_action": (_is("LOG"), "LOG"),
    "sec_return_server_release_banner": (_is("FALSE"), "FALSE"),
    "sql92_security": (_is("TRUE"), "TRUE"),
}
WIDE_OPEN = ("remote_os_authent", "o7_dictionary_accessibility")


def judge_parameters(seen: Seen) -> Verdict:
    rows = seen.of(SECURITY_PARAMETERS)
    if not rows:
        return unknown("V$SYSTEM_PARAMETER returned no rows")
    unsaid = [Item(_name(seen, row), "unknown", detail="is NULL") for row in rows if row["value"] is None]
    loose = [row for row in rows if row["value"] is not None and not RULES[text(row["name"])][0](text(row["value"]))]
    status = seen.levels.status(len(loose))
    found = [_deviation(seen, row, status) for row in loose]
    verdict = of_items(
        worst_first(unsaid + found), good=f"{len(rows) - len(loose)} of {len(rows)} parameters as they should be"
    )
    if verdict.status in ("critical", "warning"):
        names = [f"{item.name} {item.detail}" for item in worst_first(found)]
        verdict = replace(verdict, line=f"{many(len(found), 'deviation')}: {listed(names)}")
    return replace(verdict, value=float(len(found)))


def _deviation(seen: Seen, row: Row, status: Status) -> Item:
    name, value = text(row["name"]), text(row["value"])
    detail = f"is {value} (wanted {RULES[name][1]})"
    return Item(_name(seen, row), "critical" if name in WIDE_OPEN else status, 1.0, detail)


def _name(seen: Seen, row: Row) -> str:
    """With the PDB that has a value of its own."""
    in_root = row["con_id"] in (0, 1)
    return text(row["name"]) if in_root else label(seen.facts, row["con_id"], row["name"])


# --- keystore ------------------------------------------------------------------------------------------------------

_SHUT = ("CLOSED", "NOT_AVAILABLE")


def judge_keystore(seen: Seen) -> Verdict:
    """Per container with encrypted data; in united mode a PDB uses the keystore of the root."""
    encrypted = {row["con_id"]: number(row["tablespaces"]) or 0.0 for row in seen.of(ENCRYPTED)}
    if not encrypted:
        return skipped("no tablespace is encrypted")
    states: dict[Value, list[str]] = defaultdict(list)
    for row in seen.of(KEYSTORES):
        states[row["con_id"]].append(text(row["status"]))
    items = [
        _keystore(place(seen.facts, con_id), states.get(con_id) or states.get(1) or [], count)
        for con_id, count in encrypted.items()
    ]
    total = sum(encrypted.values())
    return plain(of_items(items, good=f"keystore open for {many(total, 'encrypted tablespace')}"), seen.facts)


def _keystore(name: str, states: list[str], count: float) -> Item:
    of = many(count, "encrypted tablespace")
    if not any(states):
        return Item(name, "unknown", detail="V$ENCRYPTION_WALLET shows no keystore, or its STATUS is NULL")
    if "OPEN" in states:
        return Item(name, "ok", 0.0, "keystore OPEN")
    others = [state for state in states if state and state not in _SHUT]
    if others:
        return Item(name, "warning", count, f"wallet {others[0]} with {of}")
    return Item(name, "critical", count, f"wallet {states[0]} with {of}")
