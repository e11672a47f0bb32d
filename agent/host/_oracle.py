"""What Oracle needs of the host: its processes, listeners, memory pages, limits, and a clock that is right."""

import re

from agent.host.readings import Endpoint, HostSnapshot, Limits
from agent.oracle.catalogue import Seen, Verdict
from agent.oracle.judging import by_level, last, noted, of_items, ok, size, skipped, unknown, worst_first
from common.wire import Item

WEEK_S = 7 * 86_400.0
GB = 1 << 30


# --- processes and listeners ---------------------------------------------------------------------------------------


def judge_pmon(seen: Seen, host: HostSnapshot) -> Verdict:
    """Expected is what oratab starts with the host, and what ran here in the last seven days."""
    if host.system == "Windows":
        return skipped("on Windows an instance is a service, not a process")
    now, before = seen.now.timestamp(), last(seen)
    recent = {name: at for name, at in (before.values if before else {}).items() if now - at <= WEEK_S}
    if host.container and not host.instances and not recent:
        return skipped("the processes of the host are not visible from a container")
    note = {**recent, **dict.fromkeys(host.instances, now)}
    expected = sorted({*host.instances, *recent, *(name for name in host.oratab if not _runs(name, note))})
    missing = [name for name in expected if name not in host.instances]
    if not expected:
        return noted(skipped("no instance is expected on this host"), note)
    if not missing:
        return noted(ok(f"{len(expected)} of {len(expected)} instances have their PMON", 0.0), note)
    items = worst_first(Item(name=name, status="critical", value=1.0) for name in missing)
    line = f"{', '.join(missing)} missing"
    return noted(Verdict(status="critical", line=line, value=float(len(missing)), items=items), note)


def _runs(database: str, instances: dict[str, float]) -> bool:
    """In oratab stands the database; on a cluster its instance has a number after that: ORCL and ORCL1."""
    return any(re.fullmatch(re.escape(database) + r"(_?\d+)?", name) for name in instances)


def judge_listener(seen: Seen, host: HostSnapshot) -> Verdict:
    """The local endpoints only: SCAN listeners and virtual addresses belong to the cluster."""
    if not host.listeners:
        return skipped("no local listener is known")
    items = [_endpoint(seen, host, endpoint) for endpoint in host.listeners]
    slowest = max((item.value or 0.0 for item in items), default=0.0)
    return of_items(items, good=f"{len(items)} endpoints answer, the slowest in {slowest:.0f} ms")


def _endpoint(seen: Seen, host: HostSnapshot, endpoint: Endpoint) -> Item:
    name = str(endpoint.port)
    if endpoint.connect_ms is None:
        process = "" if host.listener_processes else ", and no listener process runs"
        return Item(name=name, status="critical", detail=f"{endpoint.error or 'refused'}{process}")
    status = seen.levels.status(endpoint.connect_ms)
    return Item(name=name, status=status, value=endpoint.connect_ms, detail=f"answers in {endpoint.connect_ms:,.0f} ms")


# --- pages ---------------------------------------------------------------------------------------------------------

LARGE_SGA = 8 * GB


def judge_huge_pages(seen: Seen, host: HostSnapshot) -> Verdict:
    pages = host.huge_pages
    if host.system != "Linux" or pages is None:
        return skipped("only on Linux")
    if host.container:
        return skipped("the pages belong to the container's host")
    if pages.total == 0:
        if host.sga_bytes > LARGE_SGA:
            return Verdict(status="warning", line=f"0 pages for {size(host.sga_bytes)} of SGA", value=0.0)
        return ok(f"none, for {size(host.sga_bytes)} of SGA", 0.0)
    wasted = 100 * max(0, pages.free - pages.reserved) / pages.total
    line = f"{wasted:.0f} % of {size(pages.total * pages.page_size)} in huge pages unused"
    return by_level(wasted, seen.levels, line)


UEK7 = (5, 15)
MADVISE_FROM = (21, 0)


def judge_transparent_pages(_: Seen, host: HostSnapshot) -> Verdict:
    """Oracle's advice changed: off for long, madvise with UEK7 and 21c."""
    setting = host.transparent_huge_pages
    if host.system != "Linux":
        return skipped("only on Linux")
    if not setting:
        return unknown("the setting cannot be read")
    if _newer_advice(host):
        good, advice = setting == "madvise", "madvise is recommended with UEK7 and 21c or later"
    else:
        good, advice = setting != "always", "never, or madvise, is recommended before UEK7 and 21c"
    return ok(f"[{setting}]") if good else Verdict(status="warning", line=f"[{setting}] ({advice})")


def _newer_advice(host: HostSnapshot) -> bool:
    version = re.match(r"(\d+)\.(\d+)", host.kernel)
    uek7 = "uek" in host.kernel and version is not None and (int(version[1]), int(version[2])) >= UEK7
    return uek7 and host.database_release is not None and host.database_release >= MADVISE_FROM


# --- the clock -----------------------------------------------------------------------------------------------------


def judge_clock(seen: Seen, host: HostSnapshot) -> Verdict:
    """Against the collector's clock, as an air-gapped host has no other."""
    offset = host.clock_offset_s
    if offset is None:
        return skipped("the collector has not told its time yet")
    status = seen.levels.status(abs(offset))
    return Verdict(status=status, line=f"{offset:+.0f} s" if abs(offset) >= 1 else "less than 1 s", value=offset)


# --- limits --------------------------------------------------------------------------------------------------------

# What Oracle's preinstallation packages set; memlock as the guides ask for without huge pages.
NOFILE, NPROC, MEMLOCK = 65_536, 16_384, 3 * GB
SEMAPHORES = (250, 32_000, 100, 128)


def judge_limits(seen: Seen, host: HostSnapshot) -> Verdict:
    if host.system != "Linux":
        return skipped("only on Linux")
    if not host.limits:
        return skipped("no PMON process can be read")
    items = [item for limits in host.limits for item in _too_low(limits)] + _kernel(host)
    line = ", ".join(dict.fromkeys(f"{item.name} {item.detail}" for item in items)) or "as the installation guides ask"
    return Verdict(status=seen.levels.status(len(items)), line=line, value=float(len(items)), items=worst_first(items))


def _too_low(limits: Limits) -> list[Item]:
    wanted = (("nofile", limits.nofile, NOFILE), ("nproc", limits.nproc, NPROC), ("memlock", limits.memlock, MEMLOCK))
    low = [(name, value) for name, value, least in wanted if value is not None and value < least]
    return [Item(name=name, status="warning", value=float(value), detail=str(value)) for name, value in low]


def _kernel(host: HostSnapshot) -> list[Item]:
    items = []
    semaphores = tuple(int(part) for part in host.sysctl.get("kernel.sem", "").split())
    if semaphores and any(have < want for have, want in zip(semaphores, SEMAPHORES, strict=False)):
        items.append(Item(name="sem", status="warning", detail=" ".join(map(str, semaphores))))
    shmmax = int(host.sysctl.get("kernel.shmmax", "0"))
    if shmmax and host.memory and shmmax < host.memory.total // 2:
        items.append(Item(name="shmmax", status="warning", value=float(shmmax), detail=str(shmmax)))
    return items
