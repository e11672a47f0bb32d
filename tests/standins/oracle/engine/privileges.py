"""Who may read what: public objects, grants, administrative modes."""

import re

from tests.standins.oracle.engine.catalog import View
from tests.standins.oracle.types import Mode

_PUBLIC = frozenset(
    {
        "DUAL", "SESSION_PRIVS", "SESSION_ROLES", "PRODUCT_COMPONENT_VERSION", "NLS_SESSION_PARAMETERS",
        "NLS_INSTANCE_PARAMETERS", "NLS_DATABASE_PARAMETERS", "DICTIONARY", "GLOBAL_NAME", "RESOURCE_COST",
        "V_$VERSION", "V_$NLS_PARAMETERS", "V_$SESSION_LONGOPS",
    },
)  # fmt: skip
_SYSDG = frozenset({"DBA_CAPTURE", "DBA_LOGSTDBY_EVENTS", "DBA_LOGSTDBY_LOG", "DBA_LOGSTDBY_HISTORY"})


def is_public(name: str) -> bool:
    return name in _PUBLIC or bool(re.match(r"(ALL|USER)_", name))


def may_read(view: View, grants: frozenset[str], mode: Mode) -> bool:
    """SYSDBA reads everything, SYSDG the fixed views, anybody else what is public or granted."""
    if mode == "sysdba" or is_public(view.grant):
        return True
    if mode in {"sysdg", "sysbackup"} and (view.fixed or view.grant in _SYSDG):
        return True
    return view.grant in grants


def needs_owner(view: View) -> bool:
    """Base tables of SYS have no public synonym."""
    return view.name in {"PROPS$", "REGISTRY$HISTORY"}
