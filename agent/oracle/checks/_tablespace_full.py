"""Tablespaces that fill up: how full they are of what they can reach, when they will be full, what the disk allows."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from agent.oracle.catalogue import GATE_CAP, Check, Disk, Facts, Levels, Query, Row, Rows, Seen, Value, Verdict
from agent.oracle.checks._space import GB, MB, disk_under, group_under, growth, key, many, reaches, unseen
from agent.oracle.judging import label, number, of_items, skipped, text, unknown
from agent.oracle.needs import on_primary
from agent.oracle.queries import ASM_GROUPS, DATA_FILES, TABLESPACES
from agent.oracle.trends import Point, fit, since_last_drop
from common.wire import Item, Status

# USED_SPACE is in blocks. Free space is slow to read (recycle bin, many extents): only where MMON has no figure.
TABLESPACE_USAGE = Query(
    name="tablespace_usage",
    sql="""
SELECT t.con_id, t.tablespace_name, m.used_space * t.block_size AS used_bytes,
       CASE WHEN m.used_space IS NULL
            THEN (SELECT NVL(SUM(s.bytes), 0)
                  FROM {cdb:free_space} s
                  WHERE s.con_id = t.con_id AND s.tablespace_name = t.tablespace_name) END AS free_bytes
FROM {cdb:tablespaces} t
LEFT JOIN {cdb:tablespace_usage_metrics} m ON m.con_id = t.con_id AND m.tablespace_name = t.tablespace_name
WHERE t.contents = 'PERMANENT' AND t.status = 'ONLINE' AND t.con_id <> 2
ORDER BY t.con_id, t.tablespace_name
""",
    cost="medium",
)
WARNING_FREE = 100 * GB
CRITICAL_FREE = 20 * GB
GATE_PCT = 99.5
INSERTED_WITHIN_S = 3600 + 900
TREND_DAYS = 14
TREND_FROM_DAYS = 3
TREND_FIT = 0.6
PURGE = 0.01
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Space:
    """A permanent tablespace that is online and can be written to."""

    row: Row
    used: float | None
    reachable: float

    @property
    def mark(self) -> str:
        """Its name in samples, which survives the renaming of a PDB."""
        return f"{text(self.row['con_id'])}.{text(self.row['tablespace_name'])}"

    @property
    def used_pct(self) -> float:
        return 100.0 * (self.used or 0.0) / self.reachable

    @property
    def free(self) -> float:
        return self.reachable - (self.used or 0.0)


def spaces(seen: Seen) -> Iterator[Space]:
    """Read-only, offline, undo and temporary tablespaces are other checks' business or nobody's."""
    usage = {key(row): row for row in seen.of(TABLESPACE_USAGE)}
    reach = reaches(seen.of(DATA_FILES), seen.disks, seen.of(ASM_GROUPS))
    for row in seen.of(TABLESPACES):
        found = reach.get(key(row))
        if row["contents"] != "PERMANENT" or row["status"] != "ONLINE" or found is None:
            continue
        yield Space(row, _used(usage.get(key(row)), found.allocated), found.reachable)


def _used(row: Row | None, allocated: float) -> float | None:
    """Bytes in use. The metrics view lags behind a resize: no more can be in use than is allocated."""
    used = number(row["used_bytes"]) if row else None
    if used is not None:
        return min(used, allocated)
    free = number(row["free_bytes"]) if row else None
    return None if free is None else max(0.0, allocated - free)


# --- how full ------------------------------------------------------------------------------------------------------


def judge_used(seen: Seen) -> Verdict:
    if not seen.of(TABLESPACES):
        return unknown("DBA_TABLESPACES returned no rows")
    found = list(spaces(seen))
    items = [_used_item(space, seen) for space in found] + unseen(seen.facts, seen.of(TABLESPACES))
    verdict = of_items(items, good=_fullest(items))
    filling = [space for space in found if space.used is not None and space.used_pct >= GATE_PCT and _grew(space, seen)]
    return Verdict(
        status=verdict.status,
        line=verdict.line,
        value=verdict.value,
        items=verdict.items,
        cap=GATE_CAP if filling and verdict.status == "critical" else None,
        fix=_fix(verdict, found, seen.facts),
        note={space.mark: space.used for space in found if space.used is not None},
    )


def _used_item(space: Space, seen: Seen) -> Item:
    name = label(seen.facts, space.row["con_id"], space.row["tablespace_name"])
    if space.used is None:
        return Item(name, "unknown", detail="used space is NULL")
    detail = f"{space.used_pct:.1f} % of {_gb(space.reachable)} reachable, {_gb(space.free)} left"
    return Item(name, _guarded(space, seen.levels), round(space.used_pct, 2), detail)


def _guarded(space: Space, levels: Levels) -> Status:
    """The percentage alone would alarm on large tablespaces that still have plenty: the free bytes must be few, too."""
    status = levels.status(space.used_pct)
    if status == "critical" and space.free >= CRITICAL_FREE:
        status = Levels(levels.warning, None).status(space.used_pct)
    return "ok" if status == "warning" and space.free >= WARNING_FREE else status


def _fullest(items: list[Item]) -> str:
    measured = [item for item in items if item.value is not None]
    fullest = max(measured, key=lambda item: item.value or 0.0, default=None)
    return f"fullest: {fullest.name} {fullest.detail}" if fullest else "no tablespace to judge"


def _grew(space: Space, seen: Seen) -> bool:
    """Whether it took in rows within the last hour, by this check's own samples."""
    since = seen.now - timedelta(seconds=INSERTED_WITHIN_S)
    earlier = [sample.values.get(space.mark) for sample in seen.history if sample.at >= since]
    return any(used is not None and used < (space.used or 0.0) for used in earlier)


def _fix(verdict: Verdict, found: list[Space], facts: Facts) -> str | None:
    """The statement for the worst tablespace."""
    if verdict.status not in ("critical", "warning"):
        return None
    worst = next(s for s in found if label(facts, s.row["con_id"], s.row["tablespace_name"]) == verdict.items[0].name)
    name, container = text(worst.row["tablespace_name"]), facts.container_name(worst.row["con_id"])
    within = f"ALTER SESSION SET CONTAINER = {container}; " if container else ""
    if worst.row["bigfile"] == "YES":
        target = f"{worst.reachable / GB + 10:.0f}G"
        change = f"ALTER TABLESPACE {name} AUTOEXTEND ON NEXT 1G MAXSIZE {target}"
    else:
        change = f"ALTER TABLESPACE {name} ADD DATAFILE SIZE 10G AUTOEXTEND ON NEXT 1G MAXSIZE 30G"
    return f"{within}{change}; or purge the recycle bin and old partitions."


# --- when it will be full ------------------------------------------------------------------------------------------


def judge_days_to_full(seen: Seen) -> Verdict:
    if not seen.of(TABLESPACES):
        return unknown("DBA_TABLESPACES returned no rows")
    found = [space for space in spaces(seen) if space.used is not None]
    items = [_forecast(space, seen) for space in found]
    verdict = _soonest([item for item in items if item], unseen(seen.facts, seen.of(TABLESPACES)))
    return Verdict(
        status=verdict.status,
        line=verdict.line,
        value=verdict.value,
        items=verdict.items,
        note={space.mark: space.used for space in found if space.used is not None},
    )


def _soonest(forecasts: list[Item], hidden: list[Item]) -> Verdict:
    """Every tablespace that has a trend; without any there is nothing to say yet."""
    growing = [item for item in forecasts if item.value is not None]
    if not forecasts:
        return skipped(f"no trend yet: needs {TREND_FROM_DAYS} days of steady samples of one tablespace")
    soonest = min(growing, key=lambda item: item.value or 0.0, default=None)
    good = f"first: {soonest.name} {soonest.detail}" if soonest else "no tablespace grows"
    verdict = of_items(growing + hidden, good=good, below=True)
    return Verdict(
        status=verdict.status, line=verdict.line, value=soonest.value if soonest else None, items=verdict.items
    )


def _forecast(space: Space, seen: Seen) -> Item | None:
    """Days until the line through the samples reaches the limit; None while there is no clear trend."""
    points = since_last_drop(_points(space, seen), tolerance=PURGE)
    if points[-1][0] - points[0][0] < TREND_FROM_DAYS * DAY_S:
        return None
    line = fit(points)
    if line is None or line.fit <= TREND_FIT:
        return None
    name = label(seen.facts, space.row["con_id"], space.row["tablespace_name"])
    if line.slope <= 0:
        return Item(name, "ok", detail="does not grow")
    days = max(0.0, space.free) / line.slope / DAY_S
    detail = f"full in {many(round(days), 'day')}{_date(seen, days)} (+{_gb(line.slope * DAY_S)}/day)"
    return Item(name, seen.levels.status(days), round(days, 1), detail)


def _points(space: Space, seen: Seen) -> list[Point]:
    since = seen.now - timedelta(days=TREND_DAYS)
    samples = [sample for sample in seen.history if sample.at >= since and space.mark in sample.values]
    points = [(sample.at.timestamp(), sample.values[space.mark]) for sample in samples]
    return [*points, (seen.now.timestamp(), space.used or 0.0)]


def _date(seen: Seen, days: float) -> str:
    return f" on {seen.now + timedelta(days=days):%Y-%m-%d}" if days < 10 * 365 else ""


def _gb(bytes_: float) -> str:
    return f"{bytes_ / GB:.1f} GB" if abs(bytes_) >= GB else f"{bytes_ / MB:.0f} MB"


# --- what the devices allow ----------------------------------------------------------------------------------------

CRITICAL_DEVICE_FREE_PCT = 10.0
MOST_PCT = 9999.0


@dataclass(frozen=True, slots=True)
class Device:
    """A file system or an ASM disk group; ASM's free bytes already allow for mirroring."""

    name: str
    free: float
    free_pct: float


def judge_disk_headroom(seen: Seen) -> Verdict:
    if not seen.of(DATA_FILES):
        return unknown("DBA_DATA_FILES returned no rows")
    promised: dict[Device, float] = defaultdict(float)
    for file in _growable(seen.of(DATA_FILES), seen.of(TABLESPACES)):
        device = _device(text(file["file_name"]), seen)
        if device:
            promised[device] += growth(file)
    if not promised:
        return skipped("no device is known: the files are not in ASM and the agent does not check this host's disks")
    items = [_headroom_item(device, size, seen.levels) for device, size in promised.items()]
    return of_items(items, good=max(items, key=lambda item: item.value or 0.0).detail)


def _growable(files: Rows, tablespaces: Rows) -> Rows:
    """Files of read-only and offline tablespaces do not grow."""
    still = {key(row) for row in tablespaces if row["status"] != "ONLINE"}
    return [file for file in files if key(file) not in still and file["bytes"] is not None]


def _device(path: str, seen: Seen) -> Device | None:
    group = group_under(path)
    if group:
        return next((_group(row) for row in seen.of(ASM_GROUPS) if row["name"] == group), None)
    disk = disk_under(path, seen.disks)
    return _file_system(disk) if disk else None


def _group(row: Mapping[str, Value]) -> Device:
    usable, free, total = (number(row[name]) for name in ("usable_file_mb", "free_mb", "total_mb"))
    if usable is None or free is None or not total:
        raise ValueError(f"disk group {text(row['name'])}: its size is NULL")
    return Device(f"+{text(row['name'])}", max(0.0, usable) * MB, 100.0 * free / total)


def _file_system(disk: Disk) -> Device:
    return Device(disk.mount, disk.free, 100.0 * disk.free / disk.total)


def _headroom_item(device: Device, promised: float, levels: Levels) -> Item:
    pct = min(MOST_PCT, 100.0 * promised / max(device.free, 1.0))
    status = levels.status(pct)
    if status == "critical" and device.free_pct >= CRITICAL_DEVICE_FREE_PCT:
        status = Levels(levels.warning, None).status(pct)
    detail = f"growth {_gb(promised)} vs {_gb(device.free)} free on {device.name}"
    return Item(device.name, status, round(pct, 1), detail)


CHECKS = (
    Check(
        id="TABLESPACE_USED_PCT",
        category="tablespace",
        title="Tablespace is nearly full",
        unit="%",
        levels=Levels(85, 97),
        judge=judge_used,
        remediation="Add a datafile or raise MAXSIZE: `ALTER TABLESPACE x ADD DATAFILE SIZE 10G AUTOEXTEND ON NEXT 1G "
        "MAXSIZE 30G`; for a bigfile tablespace resize it; or purge the recycle bin and old partitions.",
        source="OEM defaults 85/97; size guard OWN, same idea as the Checkmk magic factor",
        interval_s=900,
        queries=(TABLESPACES, DATA_FILES, TABLESPACE_USAGE, ASM_GROUPS),
        cost="medium",
        scope="per-PDB",
        mount=False,
        needs=(on_primary,),
        keep_s=2 * 3600,
    ),
    Check(
        id="TABLESPACE_DAYS_TO_FULL",
        category="tablespace",
        title="Tablespace will be full soon",
        unit="days",
        levels=Levels(30, 7, below=True),
        judge=judge_days_to_full,
        remediation="Plan space now; the finding shows the growth per day and the date when it is reached.",
        source="COH 90:/30: days; tightened",
        interval_s=21_600,
        queries=(TABLESPACES, DATA_FILES, TABLESPACE_USAGE, ASM_GROUPS),
        scope="per-PDB",
        mount=False,
        needs=(on_primary,),
        keep_s=TREND_DAYS * DAY_S,
    ),
    Check(
        id="TABLESPACE_DISK_HEADROOM",
        category="tablespace",
        title="Autoextend promises more than the disk holds",
        unit="%",
        levels=Levels(100, 200),
        judge=judge_disk_headroom,
        remediation="Add storage or lower MAXSIZE; a file that may grow does not help when the device is full.",
        source="OWN (gap in all peers)",
        interval_s=3600,
        queries=(DATA_FILES, TABLESPACES, ASM_GROUPS),
        cost="medium",
        scope="root",
        mount=False,
    ),
)
