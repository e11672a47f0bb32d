"""How busy the host is: processors, memory, swap, disks."""

from agent.host.readings import HostSnapshot
from agent.host.window import over
from agent.oracle.catalogue import Seen, Verdict
from agent.oracle.judging import Growth, by_level, noted, of_items, size, skipped, unknown, worst
from common.wire import Item, Status

QUARTER_S = 900.0
TEN_MINUTES_S = 600.0
LOAD_PER_CORE = 2.0
FEWEST_IOS = 100


def judge_cpu(seen: Seen, host: HostSnapshot) -> Verdict:
    """Busy share over 15 minutes, stolen time included; or a run queue of twice the cores."""
    cpu = host.cpu
    if cpu is None:
        return unknown("the processor times cannot be read")
    counters = {"total": cpu.total_s, "idle": cpu.idle_s, "steal": cpu.steal_s}
    grown, note = over(seen, counters, seconds=QUARTER_S, boot=host.boot)
    if isinstance(grown, str):
        return noted(skipped(grown), note)
    total = grown.of["total"]
    if not total:
        return noted(unknown("the processor times do not grow"), note)
    busy, stolen = 100 * (total - grown.of["idle"]) / total, 100 * grown.of["steal"] / total
    line = f"{busy:.0f} % busy"
    if stolen >= 1:
        line += f" ({stolen:.0f} % stolen by the hypervisor)"
    if cpu.load_15 is None:
        return noted(by_level(busy, seen.levels, line), note)
    queued: Status = "critical" if cpu.load_15 > LOAD_PER_CORE * cpu.cores else "ok"
    status = worst((seen.levels.status(busy), queued))
    line += f", load {cpu.load_15:.0f} on {cpu.cores} cores"
    return noted(Verdict(status=status, line=line, value=busy), note)


def judge_memory(seen: Seen, host: HostSnapshot) -> Verdict:
    """Available, not free; a control group's limit is the memory that counts."""
    memory = host.memory
    if memory is None:
        return unknown("the memory cannot be read")
    total, available = memory.total, memory.available
    if memory.limit is not None and memory.limit < total:
        total, available = memory.limit, min(available, memory.limit - (memory.limit_used or 0))
    percent = 100 * max(0, available) / total
    line = f"{percent:.1f} % ({size(max(0, available))}) available"
    pages = host.huge_pages
    if pages and (unused := (pages.free - pages.reserved) * pages.page_size) > 0:
        line += f", {size(unused)} in unused huge pages"
    return by_level(percent, seen.levels, line)


def judge_swap(seen: Seen, host: HostSnapshot) -> Verdict:
    """Pages written out; used swap alone is no problem, and no swap at all can be meant."""
    memory = host.memory
    if memory is None:
        return unknown("the swap cannot be read")
    grown, note = over(seen, {"out": float(memory.swapped_out)}, seconds=TEN_MINUTES_S, boot=host.boot)
    if memory.swap_total == 0:
        return noted(by_level(0, seen.levels, "no swap"), note)
    if isinstance(grown, str):
        return noted(skipped(grown), note)
    pages = grown.of["out"] / memory.page_size / grown.seconds
    return noted(by_level(pages, seen.levels, f"{pages:,.0f} pages/s"), note)


def judge_io_latency(seen: Seen, host: HostSnapshot) -> Verdict:
    """Milliseconds per I/O and device; the parts of multipath and volume devices are left out when they are read."""
    if not host.disks:
        return skipped("this system tells no times per disk")
    counters = {f"{disk.device} ios": float(disk.reads + disk.writes) for disk in host.disks}
    counters |= {f"{disk.device} ms": disk.read_ms + disk.write_ms for disk in host.disks}
    grown, note = over(seen, counters, seconds=QUARTER_S, boot=host.boot)
    if isinstance(grown, str):
        return noted(skipped(grown), note)
    items = [_disk(seen, disk.device, grown) for disk in host.disks if grown.of[f"{disk.device} ios"] >= FEWEST_IOS]
    slowest = max((item.value or 0.0 for item in items), default=0.0)
    good = f"{slowest:.0f} ms on the slowest of {len(items)} disks" if items else "the disks are idle"
    return noted(of_items(items, good=good), note)


def _disk(seen: Seen, device: str, grown: Growth) -> Item:
    latency = grown.of[f"{device} ms"] / grown.of[f"{device} ios"]
    return Item(name=device, status=seen.levels.status(latency), value=latency, detail=f"{latency:.0f} ms")
