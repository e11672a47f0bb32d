"""What the service manager says of one of our units, and what it means."""

import shutil
import subprocess
from collections.abc import Mapping

from common.checkup import Finding, untold, unwell, well
from common.errors import EXIT_CONFIGURATION

_ASKED = "LoadState,ActiveState,UnitFileState,Result,ExecMainStatus,NRestarts,MainPID"
_MANY_RESTARTS = 5
_SECONDS = 10


def properties(unit: str) -> Mapping[str, str] | None:
    """The properties of a unit; None where no service manager answers."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return None
    try:
        said = subprocess.run(  # noqa: S603 - a fixed command
            [systemctl, "show", unit, "--property", _ASKED],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    pairs = (line.partition("=") for line in said.stdout.splitlines())
    return {name: value for name, _, value in pairs} if said.returncode == 0 else None


def look(unit: str, run: str) -> Finding:
    """How a unit is; `run` starts the program without a service manager."""
    found = properties(unit)
    if found is None:
        return untold("service", "no service manager answers here")
    return judge(unit, found, run)


def judge(unit: str, found: Mapping[str, str], run: str) -> Finding:
    """Pure: what these properties mean."""
    log, restart = f"journalctl -u {unit} -n 50 --no-pager", f"systemctl restart {unit}"
    active, enabled = found.get("ActiveState", ""), found.get("UnitFileState", "")
    if found.get("LoadState") == "not-found":
        return untold("service", f"there is no unit {unit}", f"install the package, or run `{run}`")
    if found.get("LoadState") == "masked":
        return unwell("service", f"the unit {unit} is masked", f"systemctl unmask {unit}")
    if active == "failed" and found.get("ExecMainStatus") == str(EXIT_CONFIGURATION):
        detail = "the service gave up: its configuration cannot be used (exit code 78), and it is not started again"
        return unwell("service", detail, f"{log}\n{restart}   # when it is mended")
    if active == "failed":
        return unwell("service", f"the service has failed ({found.get('Result')})", f"{log}\n{restart}")
    if active not in ("active", "reloading", "activating"):
        how = "although it is enabled" if enabled == "enabled" else "and is not enabled"
        return unwell("service", f"the service does not run, {how}", f"systemctl enable --now {unit}")
    if int(found.get("NRestarts") or 0) >= _MANY_RESTARTS:
        return unwell("service", f"the service was restarted {found['NRestarts']} times by itself", log)
    if enabled not in ("enabled", "static"):
        detail = "the service runs and is not enabled: it ends with this boot"
        return unwell("service", detail, f"systemctl enable {unit}")
    return well("service", f"{active}, process {found.get('MainPID')}")
