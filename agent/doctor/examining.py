"""Every look there is, and all of them at once."""

import os
from pathlib import Path

from agent.doctor import accounts, files, local, service, settings_file, targets, way
from agent.doctor.ground import UNIT, Ground
from agent.doctor.settings_file import Source
from common import settings_trouble
from common.checkup import Look, Report, examine

LOOKS: tuple[Look[Ground], ...] = (
    *service.LOOKS,
    *files.LOOKS,
    *local.LOOKS,
    *way.LOOKS,
    *targets.LOOKS,
    *accounts.LOOKS,
)
_CREDENTIALS = Path(f"/run/credentials/{UNIT}.service")


def titles() -> dict[str, str]:
    """Every id that a finding may have, and what people call it."""
    return {settings_trouble.ID: settings_trouble.TITLE} | {
        id_: title for look in LOOKS for id_, title in look.titles.items()
    }


def examined(source: Source, *, connections: tuple[str, ...] = (), aws: bool = False) -> Report:
    """Look at everything; with settings that cannot be read, at them alone."""
    settings, finding = settings_file.read(source)
    if settings is None:
        return Report((finding, settings_trouble.the_rest()))
    if _CREDENTIALS.is_dir():
        os.environ.setdefault("CREDENTIALS_DIRECTORY", str(_CREDENTIALS))  # of the service, where this user may see it
    found = examine(LOOKS, Ground(settings, connections, aws))
    return Report((finding, *found.findings), found.hung)
