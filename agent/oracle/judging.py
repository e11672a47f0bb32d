"""Small words that judges share: verdicts, the worst item, sizes and ages as people read them."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from agent.oracle.catalogue import Facts, Levels, Sample, Seen, Shared, Value, Verdict
from common.wire import Item, Status

MAX_ITEMS = 20
_ORDER: dict[Status, int] = {"critical": 0, "warning": 1, "unknown": 2, "info": 3, "ok": 4, "skipped": 5}


def ok(line: str, value: float | None = None) -> Verdict:
    return Verdict(status="ok", line=line, value=value)


def unknown(reason: str) -> Verdict:
    """It should have been measured and could not be."""
    return Verdict(status="unknown", line=reason)


def skipped(reason: str) -> Verdict:
    """It does not apply to this target now."""
    return Verdict(status="skipped", line=reason)


def number(value: Value) -> float | None:
    """A NUMBER as a float; None stays None (Oracle's NULL)."""
    if value is None:
        return None
    if isinstance(value, str | bytes) or (not isinstance(value, int | float) and not hasattr(value, "as_tuple")):
        raise TypeError(f"expected a number, got {type(value).__name__}")
    return float(value)  # type: ignore[arg-type]


def text(value: Value) -> str:
    return "" if value is None else str(value)


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of several; ok when there are none."""
    return min(statuses, key=_ORDER.__getitem__, default="ok")


def worst_first(items: Iterable[Item], *, below: bool = False) -> tuple[Item, ...]:
    """Items ordered by status, then by value, at most twenty of them."""

    def key(item: Item) -> tuple[int, float, str]:
        value = item.value if item.value is not None else 0.0
        return _ORDER[item.status], value if below else -value, item.name

    return tuple(sorted(items, key=key)[:MAX_ITEMS])


def by_level(value: float, levels: Levels, line: str, items: tuple[Item, ...] = ()) -> Verdict:
    return Verdict(status=levels.status(value), line=line, value=value, items=items)


def of_items(items: Sequence[Item], *, good: str, bad: str = "", below: bool = False) -> Verdict:
    """The verdict of the worst item: `good` when there is nothing to say, else the findings' names and details."""
    ordered = worst_first(items, below=below)
    if not ordered:
        return ok(good)
    status = ordered[0].status
    findings = [item for item in ordered if item.status == status]
    if status in ("ok", "skipped"):
        return Verdict(status=status, line=good, value=ordered[0].value, items=ordered)
    return Verdict(status=status, line=(bad + named(findings)).strip(), value=ordered[0].value, items=ordered)


def named(items: Sequence[Item], most: int = 3) -> str:
    """`USERS 97.2 %, APP_DATA 91.0 % and 2 more`."""
    return listed([f"{item.name} {item.detail}".strip() for item in items], most)


def listed(words: Sequence[str], most: int = 3) -> str:
    """`A, B, C and 2 more`."""
    shown = ", ".join(words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"


def label(facts: Facts, con_id: Value, name: Value) -> str:
    """`SALES.USERS` in a CDB, `USERS` elsewhere."""
    container = facts.container_name(con_id)
    return f"{container}.{text(name)}" if container else text(name)


def shared(facts: Facts, kind: Shared, name: Value) -> str:
    """A name as it may leave this host: itself where that is allowed, else a short hash that stays the same here."""
    plain = text(name)
    if not plain or kind in facts.share:
        return plain
    digest = hashlib.blake2s(f"{facts.dbid}:{plain}".encode(), digest_size=3).hexdigest()
    return f"{kind.removesuffix('s')}#{digest}"


def rate(seen: Seen, name: str, value: float, *, per_s: float = 1.0) -> float | None:
    """Growth of a counter since this check's last run, per `per_s` seconds; None without one or after a restart."""
    before = last(seen)
    if before is None or name not in before.values:
        return None
    elapsed = (seen.now - before.at).total_seconds()
    grown = value - before.values[name]
    return None if elapsed <= 0 or grown < 0 else grown / elapsed * per_s


def last(seen: Seen) -> Sample | None:
    return seen.history[-1] if seen.history else None


def noted(verdict: Verdict, note: Mapping[str, float]) -> Verdict:
    """The same verdict, remembered with these numbers."""
    return replace(verdict, note=note)


def held_s(seen: Seen, name: str) -> float:
    """For how long earlier runs have marked this state without a break; 0 when it is new."""
    before = last(seen)
    since = before.values.get(name) if before else None
    return 0.0 if since is None else max(0.0, seen.now.timestamp() - since)


def marks(seen: Seen, names: Iterable[str]) -> dict[str, float]:
    """The note that keeps `held_s` going: since when each of these states has held."""
    return {name: seen.now.timestamp() - held_s(seen, name) for name in names}


def size(bytes_: float) -> str:
    """`512 MB`, `1.5 GB`: binary units, as Oracle counts."""
    for unit, scale in (("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if abs(bytes_) >= scale:
            return f"{bytes_ / scale:.1f} {unit}".replace(".0 ", " ")
    return f"{bytes_:.0f} B"


def age(seconds: float) -> str:
    """`12 d`, `5 h`, `4 min`, `30 s`."""
    for unit, scale in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * scale or (unit != "d" and seconds >= scale):
            return f"{seconds / scale:.0f} {unit}"
    return f"{seconds:.0f} s"


@dataclass(frozen=True, slots=True)
class Growth:
    """How much counters grew in so many seconds."""

    seconds: float
    of: Mapping[str, float]

    def an_hour(self, name: str) -> float:
        return self.of[name] / self.seconds * 3600


def growth(seen: Seen, counters: Mapping[str, float], *, started_s: float) -> Growth | str:
    """What counters grew by since this check's last run, or why that cannot be said.

    The note to keep is `counter_note`. Another start time or instance (a RAC service moved us) counts anew.
    """
    before = last(seen)
    if before is None:
        return "first run: a rate needs two"
    epoch = counter_note(seen, {}, started_s=started_s)
    if any(before.values.get(key) != value for key, value in epoch.items()):
        return "the counters began anew with the instance: a rate needs two runs"
    seconds = (seen.now - before.at).total_seconds()
    grown = {name: value - before.values.get(name, 0.0) for name, value in counters.items()}
    if seconds <= 0 or min(grown.values()) < 0:
        return "the counters went backwards: a rate needs two runs"
    return Growth(seconds, grown)


def counter_note(seen: Seen, counters: Mapping[str, float], *, started_s: float) -> dict[str, float]:
    return {**counters, "started_s": round(started_s), "instance": seen.facts.instance_number}
