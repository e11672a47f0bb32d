"""Parameters against what they were: hidden ones that are new, spfile entries that wait, values that changed."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agent.oracle.catalogue import Query, Row, Seen, Value, Verdict
from agent.oracle.checks._changes import key, since
from agent.oracle.judging import (
    age,
    held_s,
    label,
    last,
    marks,
    noted,
    of_items,
    ok,
    shared,
    size,
    text,
    unknown,
)
from common.wire import Item, Status

# --- hidden and deprecated -----------------------------------------------------------------------------------------

# Names with two underscores are sizes that the instance keeps for its next start.
UNUSUAL_PARAMETERS = Query(
    name="unusual_parameters",
    sql="""
SELECT p.name, SUBSTR(p.value, 1, 100) AS value, p.isdeprecated AS deprecated
FROM v$parameter p
WHERE p.isdefault = 'FALSE' AND p.name NOT LIKE '\\_\\_%' ESCAPE '\\'
  AND (SUBSTR(p.name, 1, 1) = '_' OR p.isdeprecated = 'TRUE')
ORDER BY p.name
FETCH FIRST 300 ROWS ONLY
""",
)
OBSOLETE_PARAMETERS = Query(
    name="obsolete_parameters",
    sql="SELECT name FROM v$obsolete_parameter WHERE isspecified = 'TRUE' ORDER BY name FETCH FIRST 100 ROWS ONLY",
)


def judge_hidden(seen: Seen) -> Verdict:
    """What was set at the first look has been accepted, such as what Oracle recommends for RAC."""
    rows = [row for row in seen.of(UNUSUAL_PARAMETERS) if text(row["name"]).startswith("_")]
    note = since(seen, [_fixed(row) for row in rows])
    new = [row for row in rows if note[key(_fixed(row))]]
    status = seen.levels.status(len(new))
    items = [Item(f"{text(row['name'])}={shown(seen, row['value'])}", status) for row in new]
    good = f"{len(rows)} set as before" if rows else "none is set"
    return noted(replace(of_items(items, good=good), value=float(len(new))), note)


def _fixed(row: Row) -> tuple[Value, str]:
    return 0, text(row["name"])


def judge_deprecated(seen: Seen) -> Verdict:
    names = {text(row["name"]): "deprecated" for row in seen.of(UNUSUAL_PARAMETERS) if row["deprecated"] == "TRUE"}
    names |= {text(row["name"]): "obsolete" for row in seen.of(OBSOLETE_PARAMETERS)}
    status = seen.levels.status(len(names))
    items = [Item(name, status, detail=f"({how})") for name, how in names.items()]
    return replace(of_items(items, good="none is set"), value=float(len(names)))


_PLAIN = re.compile(r"-?\d+(?:\.\d+)?[KMGT]?|TRUE|FALSE|NONE|AUTO|MANUAL|DEFERRED|ENABLE|DEFER|OFF|ON", re.IGNORECASE)


def shown(seen: Seen, value: Value) -> str:
    """Numbers and switches as they are; what may hold a host's name as it may leave this one."""
    plain = text(value)
    return plain if _PLAIN.fullmatch(plain) else shared(seen.facts, "machines", plain)


# --- waiting for a restart -----------------------------------------------------------------------------------------

WAITS_S = 7 * 86_400.0
ROUNDED = 0.02
CUT_AT = 255
_SIZE = re.compile(r"(\d+)([kmgt]?)")
_SCALE = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}

# What was changed in memory alone is the opposite case; the session's language is its own; adjusted values differ for
# good. A list has a row for each of its entries.
SPFILE_DIFFERENCES = Query(
    name="spfile_differences",
    sql="""
SELECT s.name, s.sid, s.ordinal, s.value AS wanted, SUBSTR(p.value, 1, 2000) AS running
FROM v$spparameter s
JOIN v$parameter p ON p.name = s.name
WHERE s.isspecified = 'TRUE' AND s.con_id IN (0, 1) AND p.ismodified = 'FALSE' AND p.isadjusted = 'FALSE'
  AND s.name NOT LIKE 'nls%' AND s.name NOT LIKE '\\_\\_%' ESCAPE '\\'
  AND (s.sid = '*' OR LOWER(s.sid) = LOWER(SYS_CONTEXT('USERENV', 'INSTANCE_NAME')))
ORDER BY s.name, s.sid, s.ordinal
FETCH FIRST 500 ROWS ONLY
""",
)


def judge_pending(seen: Seen) -> Verdict:
    waiting = sorted(name for name, rows in _by_name(seen.of(SPFILE_DIFFERENCES)).items() if _differs(rows))
    held = {name: held_s(seen, name) for name in waiting}
    due = [name for name in waiting if held[name] >= WAITS_S]
    status = seen.levels.status(len(due))
    items = [Item(name, status if name in due else "info", detail=f"for {age(held[name])}") for name in waiting]
    oldest = max(held.values(), default=0.0)
    verdict = replace(of_items(items, good="the spfile says what is in force"), value=float(len(due)))
    if waiting:
        count = f"{len(waiting)} parameter{'s' if waiting[1:] else ''}"
        verdict = replace(verdict, line=f"{count}, oldest {age(oldest)}: {', '.join(waiting[:5])}")
    return noted(verdict, marks(seen, waiting))


def _by_name(rows: Sequence[Row]) -> Mapping[str, list[Row]]:
    """An entry of this instance alone goes before one of all instances."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[text(row["name"])].append(row)
    return {name: [row for row in own if row["sid"] != "*"] or own for name, own in found.items()}


def _differs(rows: Sequence[Row]) -> bool:
    """V$SPPARAMETER cuts its values: what fills the column cannot be compared."""
    if any(len(text(row["wanted"])) >= CUT_AT for row in rows):
        return False
    wanted = [_plain(part) for row in rows for part in text(row["wanted"]).split(",")]
    running = [_plain(part) for part in text(rows[0]["running"]).split(",")]
    return len(wanted) != len(running) or not all(_alike(*pair) for pair in zip(wanted, running, strict=True))


def _plain(value: Value) -> str:
    return text(value).strip().strip("'\"").lower()


def _alike(wanted: str, running: str) -> bool:
    """10G is 10737418240, and a size is rounded up to whole granules."""
    one, other = _bytes(wanted), _bytes(running)
    if one is None or other is None:
        return wanted == running
    return one == other or (one > 1 << 20 and 0 <= other - one <= ROUNDED * one)


def _bytes(value: str) -> int | None:
    found = _SIZE.fullmatch(value)
    return int(found[1]) * _SCALE[found[2]] if found else None


# --- changed -------------------------------------------------------------------------------------------------------

TOLD_FOR_S = 86_400.0

PARAMETERS_SET = Query(
    name="parameters_set",
    sql="""
SELECT p.con_id, p.name, SUBSTR(p.value, 1, 1000) AS value, SUBSTR(p.display_value, 1, 100) AS shown
FROM v$system_parameter p
WHERE (p.isdefault = 'FALSE' OR p.ismodified <> 'FALSE') AND p.con_id <> 2 AND p.name NOT LIKE '\\_\\_%' ESCAPE '\\'
ORDER BY p.con_id, p.name
FETCH FIRST 1000 ROWS ONLY
""",
)
_NUMBER = re.compile(r"-?\d{1,15}")
RESET = -0.25
"""Stands for a parameter that is not set; no number and no text is kept as this."""


def judge_changed(seen: Seen) -> Verdict:
    """Values are kept as numbers, texts as a hash: enough to see a change, and little to lose."""
    rows = {key((row["con_id"], text(row["name"]))): row for row in seen.of(PARAMETERS_SET)}
    if not rows:
        return unknown("V$SYSTEM_PARAMETER shows no parameter that was set")
    now = {name: _kept(row["value"]) for name, row in rows.items()}
    before = last(seen)
    if before is None or before.values.get("instance") != seen.facts.instance_number:
        return noted(ok(f"{len(rows)} parameters noted for the next run"), _note(seen, now, {}))
    changes = _changes(seen, now, before.values)
    status = seen.levels.status(len(changes))
    items = [_change_item(name, old, rows, status, seen) for name, (old, _) in changes.items()]
    verdict = of_items(items, good=f"none of {len(rows)} changed in a day")
    return noted(replace(verdict, value=float(len(changes))), _note(seen, now, changes))


def _kept(value: Value) -> float:
    """A text is told from a number by its half."""
    plain = text(value)
    if _NUMBER.fullmatch(plain):
        return float(plain)
    return int.from_bytes(hashlib.blake2s(plain.encode(), digest_size=5).digest(), "big") + 0.5


_KNOWN = {_kept(word): word for word in ("TRUE", "FALSE", "NONE", "AUTO", "MANUAL", "ENABLE", "DEFER", "OFF", "ON", "")}
Changes = Mapping[str, tuple[float, float]]
"""The former value of each parameter, and when the change was noticed."""


def _changes(seen: Seen, now: Mapping[str, float], earlier: Mapping[str, float]) -> Changes:
    found = {}
    for name in sorted({*now, *_names(earlier)}):
        was, is_now = earlier.get(name, RESET), now.get(name, RESET)
        at = earlier.get(f"{name} at", 0.0)
        if was != is_now:
            found[name] = (was, seen.now.timestamp())
        elif seen.now.timestamp() - at < TOLD_FOR_S:
            found[name] = (earlier.get(f"{name} was", RESET), at)
    return found


def _names(note: Mapping[str, float]) -> list[str]:
    return [name.removesuffix(" at") for name in note if name != "instance" and not name.endswith(" was")]


def _note(seen: Seen, now: Mapping[str, float], changes: Changes) -> dict[str, float]:
    note = {**now, "instance": float(seen.facts.instance_number)}
    for name, (was, at) in changes.items():
        note |= {f"{name} was": was, f"{name} at": at}
    return note


def _change_item(name: str, was: float, rows: Mapping[str, Row], status: Status, seen: Seen) -> Item:
    row = rows.get(name)
    con_id, _, plain = name.partition(".")
    place = label(seen.facts, int(con_id), plain) if int(con_id) > 1 else plain
    return Item(place, status, detail=f"{_former(was, row)} -> {'default' if row is None else _present(seen, row)}")


def _present(seen: Seen, row: Row) -> str:
    return shown(seen, row["shown"] or row["value"])


def _former(was: float, row: Row | None) -> str:
    if was == RESET:
        return "default"
    if was % 1:
        return _KNOWN.get(was, "another text")
    in_units = row is not None and text(row["shown"]) != text(row["value"])
    return size(was).replace(" ", "") if in_units else f"{was:.0f}"
