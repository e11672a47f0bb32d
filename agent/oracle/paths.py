"""Where a database keeps its files: which file systems of its host are worth watching."""

from collections.abc import Mapping

from agent.oracle.catalogue import Query, Rows
from agent.oracle.judging import text

PATHS = Query(
    "paths",
    """
SELECT DISTINCT 'datafiles' AS what, SUBSTR(f.name, 1, INSTR(f.name, '/', -1) - 1) AS path
FROM v$datafile f
WHERE f.name LIKE '/%'
UNION ALL
SELECT p.name AS what, p.value AS path
FROM v$parameter p
WHERE p.name IN ('audit_file_dest', 'db_recovery_file_dest', 'diagnostic_dest') AND p.value LIKE '/%'
""",
)
_LABELS = {"audit_file_dest": "audit", "db_recovery_file_dest": "FRA", "diagnostic_dest": "ADR"}


def labelled(rows: Rows) -> Mapping[str, str]:
    """Path -> what is kept there."""
    return {text(row["path"]): _LABELS.get(text(row["what"]), text(row["what"])) for row in rows}
