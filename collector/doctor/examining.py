"""Every look there is, and all of them at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from collector.core.settings import Settings
from collector.doctor import host, services, store, tls
from collector.doctor.ground import Ground, user
from common import settings_trouble
from common.checkup import Finding, Look, Report, examine
from common.errors import ConfigurationError
from common.settings import load

LOOKS: tuple[Look[Ground], ...] = (*host.LOOKS, *tls.LOOKS, *store.LOOKS, *services.LOOKS)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the settings come from."""

    file: Path | None
    flags: Mapping[str, object]


def titles() -> dict[str, str]:
    """Every id that a finding may have, and what people call it."""
    looked = {id_: title for look in LOOKS for id_, title in look.titles.items()}
    return {settings_trouble.ID: settings_trouble.TITLE} | looked


def read(source: Source) -> tuple[Settings | None, Finding]:
    """The settings, or None and why."""
    try:
        found = load(Settings, file=source.file, flags=source.flags)
    except ConfigurationError as error:
        return None, settings_trouble.explained(str(error), source.file, group=user())
    return found, settings_trouble.read_well(source.file)


def examined(source: Source) -> Report:
    """Look at everything; with settings that cannot be read, at them alone."""
    settings, finding = read(source)
    if settings is None:
        return Report((finding, settings_trouble.the_rest()))
    found = examine(LOOKS, Ground(settings))
    return Report((finding, *found.findings), found.hung)
