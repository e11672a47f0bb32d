"""The agent's settings: TOML file < environment < flags. The daemon gets them resolved, without what read them."""

import os
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from annotated_types import Ge, Le
from pydantic import AfterValidator, Field

from agent.config import CONNECTIONS_FILE, CREDENTIALS_DIR
from agent.identity import usable_url
from agent.proxy import usable_proxy
from agent.quiet import usable_window
from agent.way import Way
from common import settings as common_settings
from common.logs import Format, Level

SYSTEM_STATE_DIR = Path("/var/lib/fieldpost-agent")
SYSTEM_SETTINGS_FILE = Path("/etc/fieldpost-agent/agent.toml")
MIB = 1024 * 1024


def _state_dir() -> Path:
    given = os.environ.get("STATE_DIRECTORY")  # the service manager's StateDirectory=
    if given:
        return Path(given)
    ours = os.geteuid() == 0 or os.access(SYSTEM_STATE_DIR, os.W_OK)  # root, or the user whom the package made
    return SYSTEM_STATE_DIR if ours else platformdirs.user_state_path("fieldpost-agent")


def _config_dir() -> Path:
    given = os.environ.get("CONFIGURATION_DIRECTORY")  # the service manager's ConfigurationDirectory=
    if given:
        return Path(given)
    system = SYSTEM_SETTINGS_FILE.parent
    return system if os.geteuid() == 0 or system.is_dir() else platformdirs.user_config_path("fieldpost-agent")


class Settings(common_settings.Settings):
    """The agent's settings, read with `common.settings.load`."""

    credentials_dir = CREDENTIALS_DIR
    state_dir: Path = Field(default_factory=_state_dir, description="Key, spool, connections and last good assignment.")
    config_dir: Path = Field(
        default_factory=_config_dir,
        description="Checks of your own (`checks.d/*.toml`) and whose reference data is trusted (`reference-keys`); "
        "/etc/fieldpost-agent where that exists.",
    )
    heavy_window: Annotated[str, AfterValidator(usable_window)] = Field(
        default="22:00-06:00",
        description="When heavy checks that run once a day or less often run: from-to in this host's local time, or "
        "`always`. One that is due at another time waits, also the first time; one that is asked for runs at once.",
    )
    aws_live_prices: bool = Field(
        default=False,
        description="Whether scans of AWS accounts also ask AWS's price list, which needs the right to "
        "`pricing:GetProducts`; without it prices are the imported and the bundled ones.",
    )
    collector_url: Annotated[str, AfterValidator(usable_url)] | None = Field(
        default=None, description="Where the collector is, when it has moved since this agent was enrolled."
    )
    proxy: Annotated[str, AfterValidator(usable_proxy)] = Field(
        default="",
        description="HTTP proxy on the way to the collector, `http://host:port`; `none`: straight; empty: as "
        "HTTPS_PROXY and NO_PROXY of the environment say. A collector on plain HTTP is never reached through a proxy.",
    )
    proxy_login_file: Path | None = Field(
        default=None, description="File with `user:password` for the proxy; read anew when it changes."
    )
    client_certificate_file: Path | None = Field(
        default=None, description="Certificate (PEM) that this agent shows to the collector; read anew when it changes."
    )
    client_key_file: Path | None = Field(
        default=None, description="Private key (PEM) of `client_certificate_file`, where it is not in the same file."
    )
    link: Literal["network", "carried"] = Field(
        default="network",
        description="How records reach the collector: `network`, or `carried` by somebody in bundles; nothing tries to "
        "connect then.",
    )
    bundle_every_s: Annotated[int, Ge(60), Le(31_536_000)] = Field(
        default=86_400,
        description="How often somebody carries a bundle, where `link` is `carried`; the collector takes an agent for "
        "silent when that was missed three times.",
    )
    key_max_age_days: Annotated[int, Ge(0), Le(3650)] = Field(
        default=90, description="How old this agent's key may become before it is replaced by itself; 0: never."
    )
    log_level: Level = Field(default="info", description="debug, info, warning or error.")
    log_format: Format = Field(default="logfmt", description="logfmt or json.")
    spool_max_bytes: Annotated[int, Ge(8 * MIB), Le(64 * 1024 * MIB)] = Field(
        default=512 * MIB, description="How large the spool may grow before it thins itself out."
    )
    spool_max_age_s: Annotated[int, Ge(3600)] = Field(
        default=7 * 86_400, description="How old a record may become before it is dropped."
    )
    spool_min_free_bytes: Annotated[int, Ge(0)] = Field(
        default=1024 * MIB, description="While less than this is free on the disk, the spool does not grow."
    )

    @property
    def way(self) -> Way:
        """How requests get to the collector."""
        return Way(
            proxy=self.proxy,
            proxy_login_file=str(self.proxy_login_file or ""),
            client_certificate_file=str(self.client_certificate_file or ""),
            client_key_file=str(self.client_key_file or ""),
        )

    @property
    def connections_file(self) -> Path:
        return self.state_dir / CONNECTIONS_FILE
