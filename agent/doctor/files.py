"""The agent's own files: state folder, key, who holds them, spool, disk."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from agent.doctor.ground import UNIT, Ground, command, quoted, user
from agent.identity import IDENTITY_FILE, KEY_FILE
from agent.spool import FILE_NAME
from agent.spool_file import SpoolFile
from agent.status import read_status
from common import folders
from common.checkup import Finding, Look, untold, unwell, well
from common.clock import utc_now
from common.filemodes import mode, owner_name, said
from common.identity import PrivateKey

_NEARLY_FULL = 0.8
_QUIET_S = 60.0
_KEY_MODE = 0o600


def _state(ground: Ground) -> Iterator[Finding]:
    yield folders.look("state-folder", ground.state, user=user(), made_by=command("enroll --url https://…"))


def _key(ground: Ground) -> Iterator[Finding]:
    path = ground.state / KEY_FILE
    try:
        found = path.stat()
    except OSError:
        if (ground.state / IDENTITY_FILE).exists():
            detail = f"{path} is not there, although this agent is enrolled"
            again = command("enroll --url https://… --token-file FILE --new-key")
            yield unwell("key", detail, f"restore it from a backup, or\n{again}")
        else:
            yield untold("key", f"{path} is not there; `enroll` makes it")
        return
    if mode(found) != _KEY_MODE:
        detail = f"{path} has {said(found)}; expected mode 0600"
        yield unwell("key", detail, f"chmod 0600 {quoted(path)}")
        return
    try:
        PrivateKey.load(path)
    except PermissionError:
        detail = f"{path} cannot be read by {owner_name(os.geteuid())} ({said(found)})"
        yield unwell("key", detail, f"chown {user()} {quoted(path)}")
    except (OSError, ValueError) as error:
        again = command("enroll --url https://… --token-file FILE --new-key")
        yield unwell("key", f"{path} cannot be used as this agent's key ({error})", again)
    else:
        yield well("key", f"{path} ({said(found)})")


# --- who holds the folder --------------------------------------------------------------------------------------------


def _holder(ground: Ground) -> Iterator[Finding]:
    holder = _lock_holder(ground.state / "agent.lock")
    status = read_status(ground.state)
    if holder is None:
        yield well("holder", "no agent holds the state folder")
        return
    if status and status.pid == holder and (utc_now() - status.at).total_seconds() < _QUIET_S:
        yield well("holder", f"process {holder} is the agent, and reports")
        return
    when = f"has said nothing since {status.at:%Y-%m-%d %H:%M:%S} UTC" if status else "has never said anything"
    detail = f"{ground.state} is held by another agent: process {holder}, which {when}"
    mend = f"ps -fp {holder}   # what it is\nkill {holder}   # when it is not the service\nsystemctl restart {UNIT}"
    yield unwell("holder", detail, mend)


def _lock_holder(lock: Path) -> int | None:
    """Who has locked this file; the kernel is asked, for trying the lock would take it from an agent that starts."""
    try:
        inode = lock.stat().st_ino
        lines = Path("/proc/locks").read_text().splitlines()
        written = lock.read_text().strip()
    except OSError:
        return None
    held = any(line.split()[1:2] == ["FLOCK"] and f":{inode} " in line for line in lines)
    return int(written) if held and written.isdigit() else None


# --- spool and disk --------------------------------------------------------------------------------------------------


def _spool(ground: Ground) -> Iterator[Finding]:
    path = ground.state / FILE_NAME
    if not path.exists():
        yield well("spool", "not made yet")
        return
    aside = sorted(file.name for file in path.parent.glob(f"{FILE_NAME}.corrupt-*"))
    aside = [name for name in aside if not name.endswith(("-wal", "-shm"))]
    try:
        with closing(SpoolFile(path, read_only=True)) as file:
            file.check()
            counts, used = file.counts(), file.used_bytes
    except sqlite3.Error as error:
        detail = f"{path} is damaged or cannot be read: {error}"
        yield unwell("spool", detail, f"systemctl restart {UNIT}   # sets it aside, saves what can be read and goes on")
        return
    yield well("spool", f"sound, {counts['records']} records wait, {len(aside)} damaged files set aside")
    yield _room(used, ground.settings.spool_max_bytes, counts["dropped"])
    yield _dead(counts["dead"])


def _room(used: int, limit: int, dropped: int) -> Finding:
    share = f"{used / 2**20:.1f} MiB of {limit / 2**20:.0f} MiB used, {dropped} records dropped since it was made"
    if used >= limit * _NEARLY_FULL:
        mend = f"mend the way to the collector, or in the settings file:\nspool_max_bytes = {limit * 2}"
        return unwell("spool-room", share, mend)
    return well("spool-room", share)


def _dead(count: int) -> Finding:
    if count:
        mend = f"{command('spool dead')}   # why each was refused\n{command('spool retry')}   # after an upgrade"
        return unwell("dead-letters", f"{count} records were refused by the collector for good", mend)
    return well("dead-letters", "none")


def _disk(ground: Ground) -> Iterator[Finding]:
    folder = next((path for path in (ground.state, *ground.state.parents) if path.exists()), Path("/"))
    free, wanted = shutil.disk_usage(folder).free, ground.settings.spool_min_free_bytes
    detail = f"{free / 2**30:.1f} GiB free at {folder}, {wanted / 2**30:.1f} GiB are wanted"
    if free >= wanted:
        yield well("disk", detail)
        return
    mend = f"df -h {quoted(folder)}   # and make room, or in the settings file:\nspool_min_free_bytes = {free // 2}"
    yield unwell("disk", f"{detail}: the spool does not grow", mend)


LOOKS = (
    Look({"state-folder": "state folder"}, _state),
    Look({"key": "key"}, _key),
    Look({"holder": "who holds the state folder"}, _holder),
    Look({"disk": "disk"}, _disk),
    Look({"spool": "spool", "spool-room": "room of the spool", "dead-letters": "dead letters"}, _spool),
)
