"""Which views that the checks read an account may not read, found with few round trips and without their rows."""

from collections.abc import Iterable, Sequence

from agent.oracle.catalogue import Check, Facts, LicenceRefusedError, check_licence, grantable, objects_read
from agent.oracle.facts import STATEMENTS
from agent.oracle.paths import PATHS
from agent.oracle.session import Session, StatementFailure

_AT_ONCE = 16
_SECONDS = 15.0
_ANYBODYS = ("ALL_", "USER_", "V$VERSION", "GV$VERSION")
_ALWAYS = (*STATEMENTS, PATHS.sql)


def wanted(checks: Iterable[Check], facts: Facts) -> list[str]:
    """The objects that visits to this database read, as SQL names them; nothing that needs a licence it lacks."""
    texts = list(_ALWAYS)
    for check in checks:
        texts += [query.text(facts) for query in check.queries if query.min_release <= facts.release]
    names = {name for text in texts for name in objects_read(text)}
    return sorted(name for name in names if not name.startswith(_ANYBODYS) and _licensed(name, facts))


def _licensed(name: str, facts: Facts) -> bool:
    try:
        check_licence(f"SELECT 1 FROM {name}", facts.packs)
    except LicenceRefusedError:
        return False
    return True


async def missing(opened: Session, names: Sequence[str], facts: Facts) -> list[str]:
    """Those of them that the account may not read."""
    found: list[str] = []
    for start in range(0, len(names), _AT_ONCE):
        found += await _missing_of(opened, list(names[start : start + _AT_ONCE]), facts)
    return found


async def _missing_of(opened: Session, names: list[str], facts: Facts) -> list[str]:
    """The server names one refused view at a time; where it does not say which, half of them is asked."""
    refused: list[str] = []
    while names:
        try:
            await opened.query(_asking(names), action="DOCTOR", timeout_s=_SECONDS, packs=facts.packs)
        except StatementFailure as failure:
            if not failure.not_granted:
                raise
            if len(names) == 1:
                return [*refused, *names]
            if failure.object not in names:
                middle = len(names) // 2
                halves = (names[:middle], names[middle:])
                return refused + [name for half in halves for name in await _missing_of(opened, half, facts)]
            refused.append(failure.object)
            names = [name for name in names if name != failure.object]
        else:
            break
    return refused


def _asking(names: Iterable[str]) -> str:
    return " UNION ALL ".join(f"SELECT 1 AS n FROM {name} WHERE 1 = 0" for name in names)


def statements(names: Iterable[str], facts: Facts) -> str:
    """The GRANTs that are missing, ready to paste."""
    everywhere = " CONTAINER=ALL" if facts.in_root else ""
    return "\n".join(f"GRANT SELECT ON {grantable(name)} TO {facts.user}{everywhere};" for name in names)
