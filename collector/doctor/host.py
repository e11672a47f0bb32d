"""The collector's host: its service and user, its folder, port, disk, clock and open files."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from collector.doctor.ground import SERVICE_USER, UNIT, Ground, quoted, serving_process, user
from common import folders, unit
from common.checkup import Finding, Look, untold, unwell, well, within

ENOUGH_BYTES = 1 << 30
_ENOUGH_SHARE = 0.05
_SECONDS = 3.0
_LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def _service(ground: Ground) -> Iterator[Finding]:
    del ground
    yield unit.look(UNIT, "fieldpost-collector serve")


def _runner(ground: Ground) -> Iterator[Finding]:
    process = serving_process(ground.settings)
    try:
        uid = Path(f"/proc/{process}").stat().st_uid if process else None
    except OSError:
        uid = None
    if uid is None:
        yield untold("user", "the collector does not serve")
    elif uid == 0:
        mend = f"chown -R {SERVICE_USER} {quoted(ground.state)}\nsystemctl edit {UNIT}   # [Service] User="
        yield unwell("user", "the collector runs as root, which it never needs", f"{mend}{SERVICE_USER}")
    else:
        yield well("user", f"the collector runs as uid {uid}, process {process}")


def _state(ground: Ground) -> Iterator[Finding]:
    yield folders.look("state-folder", ground.state, user=user(), made_by=f"systemctl start {UNIT}")


def _port(ground: Ground) -> Iterator[Finding]:
    settings = ground.settings
    place = f"{settings.listen}:{settings.port}"
    process = serving_process(settings)
    if settings.listen.startswith("unix:") or not settings.port:
        yield well("port", f"{settings.listen}, which nobody else can have")
        return
    taken = _takes(_LOCAL.get(settings.listen, settings.listen), settings.port)
    if process and taken:
        yield well("port", f"{place} takes connections")
    elif process:
        mend = f"systemctl restart {UNIT}   # it serves and does not listen where its settings say: they are newer\n"
        yield unwell(
            "port", f"the collector serves, and {place} does not answer", f"{mend}ss -ltnp 'sport = :{settings.port}'"
        )
    elif taken:
        mend = f"ss -ltnp 'sport = :{settings.port}'   # who has it\nport = 8444   # or end that program"
        yield unwell("port", f"something else listens at {place}; the collector cannot start", mend)
    else:
        yield well("port", f"{place} is free")


def _takes(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_SECONDS):
            return True
    except OSError:
        return False


def _disk(ground: Ground) -> Iterator[Finding]:
    folder = next((path for path in (ground.state, *ground.state.parents) if path.exists()), Path("/"))
    usage = shutil.disk_usage(folder)
    detail = f"{usage.free / 2**30:.1f} of {usage.total / 2**30:.1f} GiB free at {folder}"
    if usage.free < max(ENOUGH_BYTES, min(int(usage.total * _ENOUGH_SHARE), 16 * ENOUGH_BYTES)):
        mend = (
            f"df -h {quoted(folder)}   # make room, or keep less for less long:\n"
            "keep_values_days = 7   # in the settings; fieldpost-collector takes it up when it is restarted"
        )
        yield unwell("disk", f"{detail}: when it is full, agents keep what they have and nothing is stored", mend)
        return
    yield well("disk", detail)


def _public_host(ground: Ground) -> Iterator[Finding]:
    settings = ground.settings
    name = settings.public_host
    if not name:
        if settings.listen in _LOCAL:
            mend = 'public_host = "collector.example.com"   # the name by which agents call it'
            yield unwell("public-host", "not set: the certificate has no name that agents could call", mend)
        else:
            yield well("public-host", f"not set; agents call {settings.listen}")
        return
    try:
        found = within(_SECONDS, lambda: socket.getaddrinfo(name, settings.port))
    except (OSError, UnicodeError):
        mend = f"getent hosts {name}   # add it to the name server, or correct public_host"
        yield unwell("public-host", f"the name {name} cannot be resolved here", mend)
        return
    yield well("public-host", f"{name} is {found[0][4][0]}")


def _proxies(ground: Ground) -> Iterator[Finding]:
    """A proxy in front that nobody trusts makes every client look like one."""
    settings = ground.settings
    if settings.behind_proxy:
        yield well("trusted-proxies", f"{', '.join(str(one) for one in settings.trusted_proxies) or 'the unix socket'}")
    elif settings.tls == "off":
        mend = 'trusted_proxies = ["127.0.0.1/32", "::1/128"]'
        detail = "tls is off, as behind a proxy, and no proxy is trusted: all clients count as one address"
        yield untold("trusted-proxies", detail, mend)
    else:
        yield well("trusted-proxies", "none, and TLS ends here")


# --- clock and open files --------------------------------------------------------------------------------------------


def _clock(ground: Ground) -> Iterator[Finding]:
    del ground
    yield clock(_timedatectl())


def _timedatectl() -> str:
    found = shutil.which("timedatectl")
    if found is None:
        return ""
    try:
        said = subprocess.run(  # noqa: S603 - a fixed command
            [found, "show", "--property", "NTPSynchronized"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout


def clock(said: str) -> Finding:
    """Pure: what `timedatectl show` says."""
    if "NTPSynchronized=yes" in said:
        return well("clock", "synchronised")
    if "NTPSynchronized=no" in said:
        mend = "timedatectl set-ntp true   # or: systemctl enable --now chronyd; chronyc makestep"
        return unwell("clock", "this host's clock is not synchronised; agents are judged by it", mend)
    return untold("clock", "this host does not tell whether its clock is synchronised", "timedatectl; chronyc tracking")


def open_files(ground: Ground, agents: int) -> Finding:
    """Each agent that waits is an open file, and a second one while it sends."""
    process = serving_process(ground.settings)
    if process is None:
        return untold("open-files", "the collector does not serve")
    limit = _limit_of(process)
    if limit is None:
        return untold("open-files", f"the limits of process {process} cannot be read by this user")
    need = 2 * agents + 256
    detail = f"{limit} for {agents} agents, {need} are wanted"
    if limit < need:
        mend = f"systemctl edit {UNIT}   # [Service] LimitNOFILE={max(8192, 2 * need)}\nsystemctl restart {UNIT}"
        return unwell("open-files", detail, mend)
    return well("open-files", detail)


def _limit_of(process: int) -> int | None:
    try:
        said = Path(f"/proc/{process}/limits").read_text()
    except OSError:
        return None
    found = re.search(r"^Max open files\s+(\d+)", said, re.MULTILINE)
    return int(found[1]) if found else None


def others_with(path: Path) -> list[int]:
    """Processes beside the one that serves, and this one, that have a file open; those of other users may be hidden."""
    running = (entry for entry in Path("/proc").glob("[0-9]*") if int(entry.name) != os.getpid())
    return sorted(int(entry.name) for entry in running if _has_open(entry, path))


def _has_open(process: Path, path: Path) -> bool:
    try:
        return any(_leads_to(link, path) for link in (process / "fd").iterdir())
    except OSError:
        return False


def _leads_to(link: Path, path: Path) -> bool:
    try:
        return link.readlink() == path
    except OSError:
        return False


LOOKS = (
    Look({"service": "service"}, _service),
    Look({"user": "user of the collector"}, _runner),
    Look({"state-folder": "state folder"}, _state),
    Look({"port": "port"}, _port),
    Look({"public-host": "public_host"}, _public_host),
    Look({"trusted-proxies": "trusted proxies"}, _proxies),
    Look({"disk": "disk"}, _disk),
    Look({"clock": "clock"}, _clock),
)
