"""The manual's catalogue of checks, made from what they declare."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from agent.checks import known
from agent.oracle.catalogue import Check, Levels, States, grantable, objects_read, render

HEAD = """# Checks

{count} checks in {categories} categories. `fieldpost-agent check --list` prints the same with the levels that apply on
a host; levels, intervals and whether a check runs can be changed for a tenant, a tag or a connection
([findings](findings.md)). *Reads* names the views: each stands in the script of `fieldpost-agent grants`, and where one
is not granted the check says *unknown* with the GRANT that it takes ([first database](first-database.md)).

- A check with a *pack* runs only where you have declared that licence (`connection add --pack diagnostics`).
- *heavy* checks that run daily wait for the window at night; *gated* ones limit the score to 55 while critical.
- Checks of the *host* run only with `--host-checks`, where the agent runs on the database's own host.
"""
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def manual() -> str:
    checks = sorted(known().values(), key=lambda check: check.category)
    parts = [HEAD.format(count=len(checks), categories=len({check.category for check in checks}))]
    for category, found in groupby(checks, key=lambda check: check.category):
        parts.append(_section(category, list(found)))
    return "\n".join(parts)


def _section(category: str, checks: Sequence[Check]) -> str:
    rows = [f"| {' | '.join(cell.replace('|', '&#124;') for cell in _cells(check))} |" for check in checks]
    head = "| check | what | warning | critical | every | reads | notes |\n|---|---|---|---|---|---|---|"
    return "\n".join([f"## {category}", "", head, *rows, ""])


def _cells(check: Check) -> list[str]:
    warning, critical = _levels(check)
    return [
        f"`{check.id}`", check.title, warning, critical, _duration(check.interval_s), _reads(check), _notes(check),
    ]  # fmt: skip


def _levels(check: Check) -> tuple[str, str]:
    if isinstance(check.levels, States):
        return check.levels.warning, check.levels.critical
    return _level(check.levels, check.levels.warning, check.unit), _level(
        check.levels, check.levels.critical, check.unit
    )


def _level(levels: Levels, value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{'<' if levels.below else '≥'} {value:g} {unit}".rstrip()


def _duration(seconds: int) -> str:
    size, name = next(((size, name) for size, name in _UNITS if seconds % size == 0), (1, "s"))
    return f"{seconds // size} {name}"


def _reads(check: Check) -> str:
    names = {name for text in _texts(check) for name in objects_read(text)}
    return ", ".join(f"`{grantable(name).partition('.')[2]}`" for name in sorted(names))


def _texts(check: Check) -> Iterable[str]:
    for query in check.queries:
        forms = [*(text for _, text in query.texts()), *([query.special[1]] if query.special else [])]
        yield from (render(text, in_root=False) for text in forms)


def _notes(check: Check) -> str:
    notes = [
        f"{check.pack} pack" if check.pack else "",
        check.cost if check.cost != "cheap" else "",
        "gated" if check.gated else "",
        f"scope {check.scope}" if check.scope != "instance" else "",
        "from " + ".".join(map(str, check.min_release)) if check.min_release > (12, 1) else "",
        "off unless enabled" if not check.enabled else "",
        "by the collector" if check.by_collector else "",
        "" if check.mount else "open databases only",
    ]
    return ", ".join(note for note in notes if note)
