"""The settings: whether they can be read, and which line of the file is in the way."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.doctor.ground import quoted, user
from agent.settings import Settings
from common.checkup import Finding, unwell, well
from common.errors import ConfigurationError
from common.settings import ENV_PREFIX, load

TITLE = {"settings": "settings"}
_UNKNOWN = re.compile(r"unknown key `([^`]+)`")
_BAD = re.compile(r"settings(?: \(file [^)]*\))?: ([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the settings come from: what `doctor` and `diag` are given in their place, to say what is wrong there."""

    file: Path | None
    flags: Mapping[str, object]


def read(source: Source) -> tuple[Settings | None, Finding]:
    """The settings, or None and why."""
    try:
        found = load(Settings, file=source.file, flags=source.flags)
    except ConfigurationError as error:
        return None, _named(unwell("settings", *_explained(str(error), source.file)))
    where = f"file {source.file}" if source.file else "no settings file"
    given = sorted(name for name in os.environ if name.startswith(ENV_PREFIX))
    return found, _named(well("settings", f"{where}, environment: {', '.join(given) or 'nothing'}"))


def _named(finding: Finding) -> Finding:
    return Finding(finding.id, TITLE["settings"], finding.state, finding.detail, finding.mend)


def _explained(message: str, file: Path | None) -> tuple[str, str]:
    if file is None:
        return message, "unset or correct the variable: env | grep ^FIELDPOST_"
    if not os.access(file, os.R_OK) and file.exists():
        return message, f"chgrp {user()} {quoted(file)} && chmod 0640 {quoted(file)}"
    if not file.exists():
        return message, f"name the file that there is: --config FILE, or make it: touch {quoted(file)}"
    key = _UNKNOWN.search(message) or _BAD.match(message)
    variable = f"{ENV_PREFIX}{key[1].upper()}" if key else ""
    if variable in os.environ:
        return message, f"unset or correct the variable {variable}"
    line = line_of(file, key[1]) if key else _line_in(message)
    at = f"+{line} " if line else ""
    shown = f" (line {line})" if line else ""
    return f"{message}{shown}", f"$EDITOR {at}{quoted(file)}   # correct or remove that line"


def line_of(file: Path, key: str) -> int | None:
    """The number of the line that sets a key."""
    start = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
    lines = file.read_text(errors="replace").splitlines()
    return next((number for number, line in enumerate(lines, 1) if start.match(line)), None)


def _line_in(message: str) -> int | None:
    found = re.search(r"line (\d+)", message)
    return int(found[1]) if found else None
