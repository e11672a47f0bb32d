"""The settings: whether they can be read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.doctor.ground import user
from agent.settings import Settings
from common import settings_trouble
from common.checkup import Finding
from common.errors import ConfigurationError
from common.settings import load


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
        return None, settings_trouble.explained(str(error), source.file, group=user())
    return found, settings_trouble.read_well(source.file)
