"""What the service manager says of the agent, and as whom it runs."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent.doctor.ground import SERVICE_USER, UNIT, Ground, quoted
from agent.status import read_status
from common.checkup import Finding, Look, untold, unwell, well
from common.errors import EXIT_CONFIGURATION

_ASKED = "LoadState,ActiveState,UnitFileState,Result,ExecMainStatus,NRestarts,MainPID"
_LOG = f"journalctl -u {UNIT} -n 50 --no-pager"
_MANY_RESTARTS = 5


def _service(ground: Ground) -> Iterator[Finding]:
    del ground
    found = unit()
    if found is None:
        yield untold("service", "no service manager answers here")
        return
    yield judge(found)


def unit() -> Mapping[str, str] | None:
    """The properties of the unit; None where no systemd runs."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return None
    try:
        said = subprocess.run(  # noqa: S603 - a fixed command
            [systemctl, "show", UNIT, "--property", _ASKED], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    pairs = (line.partition("=") for line in said.stdout.splitlines())
    return {name: value for name, _, value in pairs} if said.returncode == 0 else None


def judge(found: Mapping[str, str]) -> Finding:
    """Pure: what these properties mean."""
    active, enabled = found.get("ActiveState", ""), found.get("UnitFileState", "")
    if found.get("LoadState") == "not-found":
        return untold("service", f"there is no unit {UNIT}", "install the package, or run `fieldpost-agent run`")
    if found.get("LoadState") == "masked":
        return unwell("service", f"the unit {UNIT} is masked", f"systemctl unmask {UNIT}")
    if active == "failed" and found.get("ExecMainStatus") == str(EXIT_CONFIGURATION):
        detail = "the service gave up: its configuration cannot be used (exit code 78), and it is not started again"
        return unwell("service", detail, f"{_LOG}\nsystemctl restart {UNIT}   # when it is mended")
    if active == "failed":
        return unwell("service", f"the service has failed ({found.get('Result')})", f"{_LOG}\nsystemctl restart {UNIT}")
    if active not in ("active", "reloading", "activating"):
        how = "although it is enabled" if enabled == "enabled" else "and is not enabled"
        return unwell("service", f"the service does not run, {how}", f"systemctl enable --now {UNIT}")
    if int(found.get("NRestarts") or 0) >= _MANY_RESTARTS:
        return unwell("service", f"the service was restarted {found['NRestarts']} times by itself", _LOG)
    if enabled not in ("enabled", "static"):
        return unwell(
            "service", "the service runs and is not enabled: it ends with this boot", f"systemctl enable {UNIT}"
        )
    return well("service", f"{active}, process {found.get('MainPID')}")


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
