"""Datafiles: damaged or offline ones, how many there may be, how they grow and when they cannot."""

from dataclasses import replace
from pathlib import PureWindowsPath

from agent.oracle.catalogue import Check, Facts, Levels, Query, Row, Seen, States, Verdict
from agent.oracle.checks._space import GB, MB, Key, closed, growth, key, unseen
from agent.oracle.judging import by_level, label, number, of_items, text, unknown
from agent.oracle.needs import not_in_pdb, on_data_owner, on_primary
from agent.oracle.queries import DATA_FILES, PARAMETERS, TABLESPACES
from common.wire import Item

# --- files that are damaged or offline -----------------------------------------------------------------------------

# Only files that are not plainly well, so that thousands of files are not sent.
DAMAGED_FILES = Query(
    name="damaged_files",
    sql="""
SELECT f.con_id, f.file# AS file_no, f.name AS file_name, f.status, h.error AS header_error, h.recover,
       CASE WHEN r.file# IS NULL THEN 'NO' ELSE 'YES' END AS listed, r.error AS recover_error
FROM v$datafile f
LEFT JOIN v$datafile_header h ON h.file# = f.file#
LEFT JOIN v$recover_file r ON r.file# = f.file#
WHERE f.con_id <> 2
  AND (f.status NOT IN ('SYSTEM', 'ONLINE') OR h.error IS NOT NULL OR h.recover = 'YES' OR r.file# IS NOT NULL)
ORDER BY f.file#
""",
)
NORMAL = "OFFLINE NORMAL"


def judge_file_status(seen: Seen) -> Verdict:
    found = [_file_item(row, seen.facts) for row in seen.of(DAMAGED_FILES)]
    items = [item for item in found if item]
    verdict = of_items(items, good="every datafile is online")
    return replace(verdict, value=float(len(items)))


def _file_item(row: Row, facts: Facts) -> Item | None:
    """An error always counts; that recovery is due is normal on a standby, and in a PDB that is closed."""
    name = f"file {text(row['file_no'])}"
    where = f"({label(facts, row['con_id'], _base(text(row['file_name'])))})"
    errors = [text(row[column]) for column in ("header_error", "recover_error") if row[column] not in (None, NORMAL)]
    if errors:
        return Item(name, "critical", detail=f"{errors[0]} {where}")
    if "STANDBY" in facts.role or row["con_id"] in [pdb.con_id for pdb in facts.containers if _shut(pdb.open_mode)]:
        return None
    needs_recovery = row["listed"] == "YES" and row["recover_error"] is None
    if row["status"] in ("RECOVER", "SYSOFF") or row["recover"] == "YES" or needs_recovery:
        return Item(name, "critical", detail=f"RECOVER {where}")
    return Item(name, "warning", detail=f"OFFLINE {where}")


def _shut(open_mode: str) -> bool:
    return open_mode == "MOUNTED"


def _base(path: str) -> str:
    return PureWindowsPath(path).name  # splits at both kinds of slash


# --- how many files ------------------------------------------------------------------------------------------------

# The seed's files count against the limit like any others.
FILE_COUNT = Query(name="file_count", sql="SELECT COUNT(*) AS files FROM v$datafile")


def judge_file_count(seen: Seen) -> Verdict:
    limit = next((number(_as_number(row)) for row in seen.of(PARAMETERS) if row["name"] == "db_files"), None)
    files = number(seen.of(FILE_COUNT)[0]["files"]) if seen.of(FILE_COUNT) else None
    if not limit or files is None:
        return unknown("db_files is NULL" if not limit else "V$DATAFILE returned no count")
    pct = 100.0 * files / limit
    return by_level(round(pct, 1), seen.levels, f"{files:.0f} of {limit:.0f} files ({pct:.0f} %)")


def _as_number(row: Row) -> float | None:
    return float(text(row["value"])) if row["value"] is not None else None


# --- autoextend and file limits ------------------------------------------------------------------------------------

LARGE_FILE = 10 * GB
SMALLFILE_BLOCKS = 4_194_302


def judge_autoextend_step(seen: Seen) -> Verdict:
    if not seen.of(DATA_FILES):
        return unknown("DBA_DATA_FILES returned no rows")
    sizes = {key(row): number(row["block_size"]) for row in seen.of(TABLESPACES) if row["status"] == "ONLINE"}
    large = [file for file in seen.of(DATA_FILES) if (number(file["bytes"]) or 0) > LARGE_FILE and growth(file) > 0]
    items = [_step_item(file, sizes[key(file)], seen) for file in large if key(file) in sizes]
    return of_items(
        items + closed(seen.facts), good=f"{len(items)} files over 10 GB grow in steps that fit", below=True
    )


def _step_item(file: Row, block: float | None, seen: Seen) -> Item:
    name = label(seen.facts, file["con_id"], _base(text(file["file_name"])))
    blocks, size = number(file["increment_by"]), number(file["bytes"])
    if blocks is None or block is None or size is None:
        return Item(name, "unknown", detail="INCREMENT_BY is NULL")
    step = blocks * block / MB
    return Item(name, seen.levels.status(step), round(step, 2), f"NEXT {step:.0f} MB on a {size / GB:.0f} GB file")


def judge_smallfile_limit(seen: Seen) -> Verdict:
    """The limit matters when the last file that could grow comes near it."""
    rows = seen.of(TABLESPACES)
    if not rows:
        return unknown("DBA_TABLESPACES returned no rows")
    judged = {key(row): row for row in rows if _grows_in_small_files(row)}
    files: dict[Key, list[Row]] = {tablespace: [] for tablespace in judged}
    for file in seen.of(DATA_FILES):
        if key(file) in files and file["autoextensible"] == "YES":
            files[key(file)].append(file)
    items = [_limit_item(judged[tablespace], own, seen) for tablespace, own in files.items() if own]
    return of_items(items + unseen(seen.facts, rows), good="every smallfile tablespace has a file that can grow")


def _grows_in_small_files(row: Row) -> bool:
    """Undo reuses its space: a single full-grown file is its normal state."""
    return row["bigfile"] == "NO" and row["contents"] == "PERMANENT" and row["status"] == "ONLINE"


def _limit_item(tablespace: Row, files: list[Row], seen: Seen) -> Item:
    name = label(seen.facts, tablespace["con_id"], tablespace["tablespace_name"])
    used = [(number(file["blocks"]), file) for file in files]
    known = [(blocks, file) for blocks, file in used if blocks is not None]
    if len(known) < len(used):
        return Item(name, "unknown", detail="BLOCKS is NULL")
    growable = [pair for pair in known if growth(pair[1]) > 0]
    blocks, file = min(growable, key=lambda pair: pair[0]) if growable else max(known, key=lambda pair: pair[0])
    pct = 100.0 * blocks / SMALLFILE_BLOCKS
    limit = SMALLFILE_BLOCKS * (number(tablespace["block_size"]) or 0.0) / GB
    others = f"{len(growable) - 1} more can grow" if growable[1:] else "no other file can grow"
    detail = f"{_base(text(file['file_name']))} {pct:.0f} % of {limit:.0f} GB, {others}"
    return Item(name, seen.levels.status(pct), round(pct, 1), detail)


CHECKS = (
    Check(
        id="DATAFILE_STATUS",
        category="tablespace",
        title="Datafile needs recovery or is offline",
        unit="count",
        levels=States("OFFLINE (known)", "RECOVER, or any ERROR"),
        judge=judge_file_status,
        remediation="Restore and recover the file: RMAN `RESTORE DATAFILE n; RECOVER DATAFILE n;`, then "
        "bring it online.",
        source="COH 0/0; CMK critical",
        interval_s=300,
        queries=(DAMAGED_FILES,),
        scope="root",
        needs=(on_data_owner,),
        gated=True,
    ),
    Check(
        id="DATAFILE_COUNT",
        category="tablespace",
        title="Close to the db_files limit",
        unit="%",
        levels=Levels(80, 90),
        judge=judge_file_count,
        remediation="Raise db_files (needs a restart) or merge small files; use bigfile tablespaces.",
        source="COH 80/90; ZBX 80",
        interval_s=86_400,
        queries=(FILE_COUNT, PARAMETERS),
        scope="root",
        needs=(not_in_pdb, on_data_owner),
    ),
    Check(
        id="DATAFILE_AUTOEXTEND_STEP",
        category="tablespace",
        title="Autoextend with a tiny increment",
        unit="MB",
        levels=Levels(8, None, below=True),
        judge=judge_autoextend_step,
        remediation="`ALTER DATABASE DATAFILE n AUTOEXTEND ON NEXT 1G`; tiny steps cause many file "
        "extensions and waits.",
        source="OWN",
        interval_s=86_400,
        queries=(DATA_FILES, TABLESPACES),
        cost="medium",
        scope="per-PDB",
        ceiling="info",
        mount=False,
        needs=(on_primary,),
    ),
    Check(
        id="SMALLFILE_LIMIT",
        category="tablespace",
        title="Smallfile datafile near its size limit",
        unit="%",
        levels=Levels(90, 99),
        judge=judge_smallfile_limit,
        remediation="Add another datafile before inserts fail with ORA-01654 (the file cannot grow, whatever MAXSIZE "
        "says).",
        source="REF (2^22-2 blocks: about 32 GB at 8 KB)",
        interval_s=3600,
        queries=(TABLESPACES, DATA_FILES),
        cost="medium",
        scope="per-PDB",
        mount=False,
        needs=(on_primary,),
    ),
)
