"""Settings that cannot be read: which line of the file, or which variable, is in the way, and what mends it."""

import os
import re
import shlex
from pathlib import Path

from common.checkup import Finding, unwell, well
from common.settings import ENV_PREFIX

ID, TITLE = "settings", "settings"
_UNKNOWN = re.compile(r"unknown key `([^`]+)`")
_BAD = re.compile(r"settings(?: \(file [^)]*\))?: ([a-z_]+)")


def read_well(file: Path | None) -> Finding:
    where = f"file {file}" if file else "no settings file"
    given = sorted(name for name in os.environ if name.startswith(ENV_PREFIX))
    return _named(well(ID, f"{where}, environment: {', '.join(given) or 'nothing'}"))


def explained(message: str, file: Path | None, *, group: str) -> Finding:
    """`group`: whose members may read the file."""
    return _named(unwell(ID, *_explained(message, file, group)))


def the_rest() -> Finding:
    return Finding(ID, "the rest", "unknown", "nothing else can be looked at before the settings can be read")


def _named(finding: Finding) -> Finding:
    return Finding(finding.id, TITLE, finding.state, finding.detail, finding.mend)


def _explained(message: str, file: Path | None, group: str) -> tuple[str, str]:
    key = _UNKNOWN.search(message) or _BAD.match(message)
    variable = f"{ENV_PREFIX}{key[1].upper()}" if key else ""
    if file is None or variable in os.environ:
        return message, f"unset or correct the variable {variable}   # env | grep ^{ENV_PREFIX}"
    quoted = shlex.quote(str(file))
    if not os.access(file, os.R_OK) and file.exists():
        return message, f"chgrp {group} {quoted} && chmod 0640 {quoted}"
    if not file.exists():
        return message, f"name the file that there is: --config FILE, or make it: touch {quoted}"
    line = line_of(file, key[1]) if key else _line_in(message)
    at = f"+{line} " if line else ""
    shown = f" (line {line})" if line else ""
    return f"{message}{shown}", f"$EDITOR {at}{quoted}   # correct or remove that line"


def line_of(file: Path, key: str) -> int | None:
    """The number of the line that sets a key."""
    start = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
    lines = file.read_text(errors="replace").splitlines()
    return next((number for number, line in enumerate(lines, 1) if start.match(line)), None)


def _line_in(message: str) -> int | None:
    found = re.search(r"line (\d+)", message)
    return int(found[1]) if found else None
