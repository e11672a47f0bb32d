"""The checks of the host, judged on one snapshot of it; no SQL. The judges are in `_load`, `_files` and `_oracle`."""

from collections.abc import Callable
from functools import cache

from agent.host import _files as files
from agent.host import _load as load
from agent.host import _oracle as oracle
from agent.host.readings import HostSnapshot
from agent.oracle.catalogue import Check, Judge, Levels, Seen, States, Verdict
from agent.oracle.judging import unknown


def on_host(judge: Callable[[Seen, HostSnapshot], Verdict]) -> Judge:
    """A judge of a snapshot; without one nothing was measured."""

    def judged(seen: Seen) -> Verdict:
        return unknown("the host was not read") if seen.host is None else judge(seen, seen.host)

    return judged


CHECKS: tuple[Check, ...] = (
    Check(
        id="HOST_CPU",
        category="host",
        title="Host CPU is saturated",
        unit="%",
        levels=Levels(90, 98),
        judge=on_host(load.judge_cpu),
        remediation=(
            "See the top processes (all databases); instance caging or Resource Manager can protect the others."
        ),
        source="OWN",
        interval_s=60,
        scope="host",
    ),
    Check(
        id="HOST_MEMORY",
        category="host",
        title="Host memory is short",
        unit="%",
        levels=Levels(10, 3, below=True),
        judge=on_host(load.judge_memory),
        remediation="Reduce SGA/PGA or other processes; check huge-page waste (HOST_HUGEPAGES).",
        source="OWN",
        interval_s=60,
        scope="host",
    ),
    Check(
        id="HOST_SWAP",
        category="host",
        title="Host is swapping",
        unit="1/s",
        levels=Levels(100, 2000),
        judge=on_host(load.judge_swap),
        remediation="Stop the memory hog; SGA must not be swapped (huge pages).",
        source="OWN",
        interval_s=60,
        scope="host",
    ),
    Check(
        id="HOST_FS_USED",
        category="host",
        title="File system nearly full",
        unit="%",
        levels=Levels(85, 95),
        judge=on_host(files.judge_space),
        remediation="Remove old logs, traces and audit files; extend the file system.",
        source="OWN; CMK filesystem 80/90 with magic factor",
        interval_s=300,
        scope="host",
    ),
    Check(
        id="HOST_INODES",
        category="host",
        title="File system is out of inodes",
        unit="%",
        levels=Levels(85, 97),
        judge=on_host(files.judge_inodes),
        remediation="Remove *.aud and trace files; use a purge job.",
        source="OWN (adump and trace files)",
        interval_s=900,
        scope="host",
    ),
    Check(
        id="HOST_IO_LATENCY",
        category="host",
        title="Disk latency is high",
        unit="ms",
        levels=Levels(30, 100),
        judge=on_host(load.judge_io_latency),
        remediation="See the storage team; compare with IO_READ_LATENCY.",
        source="OWN",
        interval_s=60,
        scope="host",
        ceiling="warning",
    ),
    Check(
        id="HOST_HUGEPAGES",
        category="host",
        title="Huge pages are missing or wasted",
        unit="%",
        levels=Levels(10, None),
        judge=on_host(oracle.judge_huge_pages),
        remediation="vm.nr_hugepages to the sum of the SGAs, use_large_pages = ONLY.",
        source="Oracle Linux install guides (HugePages recommended)",
        interval_s=86400,
        scope="host",
        ceiling="warning",
    ),
    Check(
        id="HOST_THP",
        category="host",
        title="Transparent huge pages setting",
        unit="state",
        levels=States(warning="always (before UEK7) / not madvise (UEK7 and later with 21c+)", critical="-"),
        judge=on_host(oracle.judge_transparent_pages),
        remediation="Kernel parameter transparent_hugepage=madvise or never, according to release.",
        source="Oracle Linux docs: disable; newer UEK7 guidance is madvise",
        interval_s=86400,
        scope="host",
        ceiling="info",
    ),
    Check(
        id="HOST_CLOCK",
        category="host",
        title="Host clock is off",
        unit="s",
        levels=Levels(2, 30),
        judge=on_host(oracle.judge_clock),
        remediation="Enable chrony/NTP; on RAC no step (slew).",
        source="OWN; RAC needs NTP/chrony",
        interval_s=900,
        scope="host",
        ceiling="warning",
    ),
    Check(
        id="HOST_PROCESS_PMON",
        category="host",
        title="Expected instance has no PMON process",
        unit="count",
        levels=Levels(None, 1),
        judge=on_host(oracle.judge_pmon),
        remediation="Start the instance; see the alert log and systemd/Restart status.",
        source="OWN; Checkmk sees the same",
        interval_s=60,
        scope="host",
    ),
    Check(
        id="HOST_LISTENER",
        category="host",
        title="Listener does not answer",
        unit="ms",
        levels=Levels(1000, None),
        judge=on_host(oracle.judge_listener),
        remediation="Start the listener; check its log size (a 4 GB listener log slows it down).",
        source="OWN; OEM listener metric",
        interval_s=60,
        scope="host",
    ),
    Check(
        id="HOST_ULIMITS",
        category="host",
        title="OS limits or kernel settings too low",
        unit="count",
        levels=Levels(1, None),
        judge=on_host(oracle.judge_limits),
        remediation="Apply the preinstall settings.",
        source="Oracle install guides (preinstall RPM values)",
        interval_s=86400,
        scope="host",
        ceiling="info",
    ),
)


@cache
def catalogue() -> dict[str, Check]:
    """All checks of the host by id; the databases' are in `agent.oracle.checks`."""
    return {check.id: check for check in CHECKS}
