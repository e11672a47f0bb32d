"""What the service manager says of the agent, and as whom it runs."""

import os
from collections.abc import Iterator
from pathlib import Path

from agent.doctor.ground import SERVICE_USER, UNIT, Ground, quoted
from agent.status import read_status
from common import unit
from common.checkup import Finding, Look, untold, unwell, well


def _service(ground: Ground) -> Iterator[Finding]:
    del ground
    yield unit.look(UNIT, "fieldpost-agent run")


def _runner(ground: Ground) -> Iterator[Finding]:
    status = read_status(ground.state)
    try:
        uid = Path(f"/proc/{status.pid}").stat().st_uid if status else None
    except OSError:
        uid = None
    if uid is None:
        yield untold("user", "the agent does not run")
    elif uid == 0:
        mend = (
            f"chown -R {SERVICE_USER} {quoted(ground.state)}\nsystemctl edit {UNIT}   # [Service] User={SERVICE_USER}"
        )
        yield unwell("user", "the agent runs as root, which it never needs", f"{mend}\nsystemctl restart {UNIT}")
    else:
        yield well("user", f"the agent runs as uid {uid}" + (", as this command does" if uid == os.geteuid() else ""))


LOOKS = (Look({"service": "service"}, _service), Look({"user": "user of the agent"}, _runner))
