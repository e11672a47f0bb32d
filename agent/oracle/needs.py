"""Preconditions that checks share: each gives None when it is met, else the short reason why the check is skipped."""

from agent.oracle.catalogue import Facts, Need


def on_database(facts: Facts) -> str | None:
    """ASM instances and the cluster's management database have states of their own."""
    own_rules = facts.instance_name.upper().startswith(("+ASM", "-MGMTDB"))
    return f"{facts.instance_name} is no user database" if own_rules else None


def on_primary(facts: Facts) -> str | None:
    return None if facts.primary else "only on a primary"


def on_standby(facts: Facts) -> str | None:
    return None if facts.role in ("PHYSICAL STANDBY", "LOGICAL STANDBY") else "only on a standby"


def on_data_owner(facts: Facts) -> str | None:
    """A far sync instance has a control file and redo, but no datafiles."""
    return "a far sync instance has no datafiles" if facts.role == "FAR SYNC" else None


def writes_redo(facts: Facts) -> str | None:
    """The online logs of a physical standby wait for a role change; a far sync has none that counts."""
    return (
        f"a {facts.role.lower()} writes no redo of its own" if facts.role in ("PHYSICAL STANDBY", "FAR SYNC") else None
    )


def needs_open(facts: Facts) -> str | None:
    return "needs an open database" if facts.mounted else None


def needs_read_write(facts: Facts) -> str | None:
    return None if facts.open_mode == "READ WRITE" else "needs a database that is open read write"


def needs_archivelog(facts: Facts) -> str | None:
    return None if facts.archivelog else "the database runs in NOARCHIVELOG mode"


def needs_standby(facts: Facts) -> str | None:
    """Of a primary with a standby, or of a standby itself."""
    return None if facts.standby_configured or not facts.primary else "no standby is configured"


def needs_asm(facts: Facts) -> str | None:
    return None if facts.asm else "no file is in ASM"


def needs_cdb(facts: Facts) -> str | None:
    return None if facts.cdb else "not a container database"


def not_in_pdb(facts: Facts) -> str | None:
    """Redo, the recovery area, control files and RMAN belong to the CDB as a whole: its root reports them."""
    return "only in CDB$ROOT: it belongs to the whole CDB" if facts.cdb and not facts.in_root else None


def tier_is_not(*tiers: str) -> Need:
    """Skipped on systems of these tiers."""

    def need(facts: Facts) -> str | None:
        return f"not asked for on tier {facts.tier}" if facts.tier in tiers else None

    return need
