"""What a check declares: data, the queries it shares with others, and one pure function from rows to a verdict.

To add a check: one `Check` in the module of its category under `checks/` (with its `Query` and `judge`), and its cases
in `tests/cases/<CHECK_ID>.yaml`. `agent.oracle.checks.catalogue()` finds it by itself.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from agent.host.readings import HostSnapshot
from agent.oracle.reference import Reference
from common.wire import Item, Outcome, Severity, Status

Value = str | int | float | Decimal | datetime | bytes | None
Row = Mapping[str, Value]
"""One row of a query; keys are the column names in lower case."""
Rows = Sequence[Row]

Cost = Literal["cheap", "medium", "heavy"]
Scope = Literal["instance", "root", "asm", "per-PDB", "host"]
Pack = Literal["diagnostics", "tuning"]
Tier = Literal["prod", "test", "dev"]
Release = tuple[int, int]
Shared = Literal["users", "machines", "sql"]
"""What may leave the host as it is: names of accounts, of machines and programs, texts of statements."""

CALL_TIMEOUT_S: dict[Cost, float] = {"cheap": 10.0, "medium": 30.0, "heavy": 120.0}


# --- what a check may ask of its target ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a CDB (V$CONTAINERS); PDB$SEED is left out."""

    con_id: int
    name: str
    open_mode: str
    restricted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One reading of what kind of target this is; every precondition is stated in these terms.

    `con_id` is the session's container: 0 on a non-CDB, 1 in CDB$ROOT, else a PDB. `asm`: some file path starts
    with `+`. `packs`: declared by the user and also in control_management_pack_access. `share`: what findings may name.
    """

    db_name: str
    unique_name: str
    dbid: int
    instance_name: str
    instance_number: int
    host_name: str
    release: Release
    version: str
    edition: str
    platform: str
    role: str
    open_mode: str
    log_mode: str
    cdb: bool
    con_id: int
    con_name: str
    containers: tuple[Container, ...]
    rac: bool
    lowest_instance: bool
    asm: bool
    standby_configured: bool
    user: str
    tier: Tier
    packs: frozenset[Pack]
    share: frozenset[Shared] = frozenset({"users"})

    @property
    def primary(self) -> bool:
        return self.role == "PRIMARY"

    @property
    def mounted(self) -> bool:
        return self.open_mode == "MOUNTED"

    @property
    def in_root(self) -> bool:
        return self.cdb and self.con_id == 1

    @property
    def archivelog(self) -> bool:
        return self.log_mode in ("ARCHIVELOG", "MANUAL")

    def container_name(self, con_id: Value) -> str:
        """The PDB's name for labels; "" on a non-CDB, so that names there carry no prefix."""
        for container in self.containers:
            if container.con_id == con_id:
                return container.name
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How the last logon went: seconds to the first row, or the error and its class."""

    ok: bool
    seconds: float = 0.0
    code: str = ""
    text: str = ""
    kind: Literal["", "listener", "service", "credentials", "instance", "network", "client"] = ""
    first_since_start: bool = False


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted file system of the database's host; known only where the agent runs on it (`host_checks`)."""

    mount: str
    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Numbers that a check noted in an earlier run of its own (counters, sizes), for differences and forecasts."""

    at: datetime
    values: Mapping[str, float]


# --- thresholds ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Levels:
    """Numeric thresholds: a value at or over the level is bad; with `below`, a value under the level is."""

    warning: float | None
    critical: float | None
    below: bool = False

    def status(self, value: float) -> Status:
        if self.critical is not None and self._beyond(value, self.critical):
            return "critical"
        if self.warning is not None and self._beyond(value, self.warning):
            return "warning"
        return "ok"

    def _beyond(self, value: float, level: float) -> bool:
        return value < level if self.below else value >= level


@dataclass(frozen=True, slots=True)
class States:
    """Thresholds that are words: which states are warning and which critical, as people read them."""

    warning: str
    critical: str


# --- queries -------------------------------------------------------------------------------------------------------

_CDB_VIEW = re.compile(r"\{cdb:(\w+)(?:\|([^}]+))?\}")
_OBJECT = re.compile(
    r"(?<![\w$.:'])(?:sys\.)?((?:g?v_?\$\w+)|(?:dba|cdb|all|user)_\w+|database_properties|pdb_plug_in_violations"
    r"|audit_unified_enabled_policies|unified_audit_trail)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Query:
    """A statement that one or several checks read; it runs once per visit.

    `{cdb:data_files}` stands for the dictionary view in the form that fits the session: CDB_DATA_FILES in CDB$ROOT,
    else DBA_DATA_FILES with a CON_ID of 0, so that every row has a CON_ID. `{cdb:mviews|owner, mview_name}` names the
    columns that are read: for views with a LONG, which not every form of query may hold, or with a CON_ID of their own.
    `newer` holds the text for later releases.
    `special`: another text for targets of a kind (on RAC, without ASM), whatever their release.
    `min_release`: the first release that has the views.
    """

    name: str
    sql: str
    cost: Cost = "cheap"
    newer: Mapping[Release, str] = field(default_factory=dict)
    special: tuple[Callable[[Facts], bool], str] | None = None
    min_release: Release = (12, 1)

    def text(self, facts: Facts) -> str:
        """The statement for this target."""
        if self.special and self.special[0](facts):
            return render(self.special[1], in_root=facts.in_root)
        chosen = self.sql
        for release in sorted(self.newer):
            if facts.release >= release:
                chosen = self.newer[release]
        return render(chosen, in_root=facts.in_root)

    def texts(self) -> Sequence[tuple[Release, str]]:
        """Every form of the statement with the first release it claims to run on."""
        return [(self.min_release, self.sql), *sorted(self.newer.items())]


def render(sql: str, *, in_root: bool) -> str:
    """Replace `{cdb:view}`; the inline view gives DBA_ rows the CON_ID that CDB_ rows have."""

    def form(match: re.Match[str]) -> str:
        view, columns = match[1], match[2]
        read = ", ".join(f"d.{column.strip()}" for column in columns.split(",")) if columns else "d.*"
        return f"cdb_{view}" if in_root else f"(SELECT {read}, 0 AS con_id FROM dba_{view} d)"

    return _CDB_VIEW.sub(form, sql)


def objects_read(sql: str) -> list[str]:
    """The dictionary objects that a rendered statement names, upper case, each once, in order: V$LOG, DBA_USERS."""
    names = [match.group(1).upper().replace("V_$", "V$") for match in _OBJECT.finditer(sql)]
    return list(dict.fromkeys(names))


def grantable(name: str) -> str:
    """The object that a GRANT must name: SYS.V_$LOG for V$LOG (granting on the synonym raises ORA-02030)."""
    if name == "UNIFIED_AUDIT_TRAIL":
        return f"AUDSYS.{name}"
    return "SYS." + name.replace("V$", "V_$") if name.startswith(("V$", "GV$")) else f"SYS.{name}"


# --- the check -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that a judge may look at. `rows` by query name; `history` holds this check's own samples, oldest first.

    `host`: the agent's own host, read once per visit; only the checks of category host look at it. `peers`: the latest
    outcome of every other check of this target, for a check that `reviews` them. `reference`: None without a table.
    """

    facts: Facts
    rows: Mapping[str, Rows]
    levels: Levels
    now: datetime
    login: Login
    history: Sequence[Sample] = ()
    disks: Sequence[Disk] = ()
    host: HostSnapshot | None = None
    peers: Sequence[Outcome] = ()
    reference: Reference | None = None

    def of(self, query: Query) -> Rows:
        return self.rows[query.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a judge found. `note` is kept as this check's next `Sample`; `fix` replaces the catalogue's remediation.

    `cap`: the score may not exceed it while this stands; without one, a `gated` check at critical caps at 55.
    """

    status: Status
    line: str
    value: float | None = None
    items: tuple[Item, ...] = ()
    fix: str | None = None
    cap: int | None = None
    note: Mapping[str, float] | None = None


Judge = Callable[[Seen], Verdict]
Need = Callable[[Facts], str | None]
"""A precondition: None when it is met, else the reason why the check is skipped."""

GATE_CAP = 55


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check, declared. `interval_s` in seconds; `keep_s`: how long its samples are kept (0: only the last one).

    `mount`: reads fixed views only, so that it works on a mounted instance. `per_interval`: the value is a difference
    between two runs. `source`: where the thresholds come from (keys of the catalogue). `reviews`: judged last, over
    `peers`. `by_collector`: only declared here; no agent runs it, because no agent can say that it is silent.
    """

    id: str
    category: str
    title: str
    unit: str
    levels: Levels | States
    judge: Judge
    remediation: str
    source: str
    interval_s: int
    queries: tuple[Query, ...] = ()
    cost: Cost = "cheap"
    scope: Scope = "instance"
    ceiling: Severity = "critical"
    mount: bool = True
    needs: tuple[Need, ...] = ()
    pack: Pack | None = None
    gated: bool = False
    enabled: bool = True
    keep_s: int = 0
    reviews: bool = False
    by_collector: bool = False
    min_release: Release = (12, 1)

    @property
    def numeric(self) -> Levels:
        """The levels that overrides may change; a check with states has none."""
        return self.levels if isinstance(self.levels, Levels) else Levels(None, None)


# --- the licence gate ----------------------------------------------------------------------------------------------

_FREE_AWR = ("SNAPSHOT", "DATABASE_INSTANCE", "SNAP_ERROR", "SEG_STAT", "SEG_STAT_OBJ", "UNDOSTAT")
_LICENSED: tuple[tuple[re.Pattern[str], Pack], ...] = (
    (re.compile(r"\b(?:dba|cdb)_hist_(?!(?:" + "|".join(_FREE_AWR) + r")\b)\w+", re.IGNORECASE), "diagnostics"),
    (re.compile(r"\bg?v_?\$active_session_history\b", re.IGNORECASE), "diagnostics"),
    (re.compile(r"\b(?:dba|cdb|user)_(?:addm|advisor)_\w+", re.IGNORECASE), "diagnostics"),
    (re.compile(r"\bg?v_?\$sql_(?:plan_)?monitor\w*", re.IGNORECASE), "tuning"),
)
_SUSPICIOUS = re.compile(r"_(?:hist_|session_history|addm_|advisor_|monitor)", re.IGNORECASE)
"""Found wherever one of the others is, in a thirtieth of their time."""


class LicenceRefusedError(Exception):
    """A statement names a view whose reading counts as use of a pack that is not declared."""


def check_licence(sql: str, packs: frozenset[Pack]) -> None:
    """Refuse SQL that names a licensed view without the pack; runs before every statement the agent sends."""
    if _SUSPICIOUS.search(sql) is None:
        return
    for pattern, pack in _LICENSED:
        found = pattern.search(sql)
        if found and pack not in packs:
            raise LicenceRefusedError(
                f"{found[0].upper()} needs the {pack} pack, which is not declared for this connection"
            )
