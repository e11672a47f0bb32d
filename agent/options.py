"""The daemon's settings once they are resolved: plain values, so that the daemon needs not what read and checked them.

`fieldpost-agent run` reads them and replaces its own process by the daemon, which saves 20 MiB for as long as it runs.
"""

import os
from collections.abc import MutableMapping
from datetime import timedelta
from pathlib import Path

import msgspec

from agent.way import STRAIGHT, Way
from common.errors import ConfigurationError
from common.logs import Format, Level

VARIABLE = "FIELDPOST_RUN_OPTIONS"


class Options(msgspec.Struct, frozen=True):
    """What `agent.settings.Settings` came out as."""

    state_dir: str
    collector_url: str | None
    log_level: Level
    log_format: Format
    spool_max_bytes: int
    spool_max_age_s: int
    spool_min_free_bytes: int
    config_dir: str
    heavy_window: str
    aws_live_prices: bool = False
    carried: bool = False
    key_max_age_days: int = 90
    bundle_every_s: int = 0
    way: Way = STRAIGHT

    @property
    def key_max_age(self) -> timedelta | None:
        return timedelta(days=self.key_max_age_days) if self.key_max_age_days else None

    @property
    def folder(self) -> Path:
        return Path(self.state_dir)


def pass_on(options: Options, environment: MutableMapping[str, str] = os.environ) -> None:
    environment[VARIABLE] = msgspec.json.encode(options).decode()


def take(environment: MutableMapping[str, str] = os.environ) -> Options:
    """What was passed on; it does not stay in the environment."""
    try:
        return msgspec.json.decode(environment.pop(VARIABLE), type=Options)
    except (KeyError, msgspec.DecodeError):
        raise ConfigurationError("the daemon is started by `fieldpost-agent run`, which passes its settings") from None
