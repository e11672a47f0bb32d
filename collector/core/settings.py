"""What an operator may set for the collector."""

import re
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyNetwork, ValidationInfo, field_validator, model_validator

from collector.core import room, urls
from common import logs
from common.errors import ConfigurationError
from common.settings import Settings as BaseSettings

CREDENTIALS_DIR = Path("/etc/fieldpost-collector/credentials")
_MAX_PORT = 65_535
_UNIX = "unix:"
_ORIGIN = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?")

Tls = Literal["auto", "files", "off"]
SmtpTls = Literal["starttls", "tls", "off"]
OidcRole = Literal["", "admin", "dba", "viewer"]


class Settings(BaseSettings):
    """All settings of `fieldpost-collector`."""

    credentials_dir = CREDENTIALS_DIR
    state_dir: Annotated[Path, Field(description="Folder of the database, certificates and the control socket.")] = (
        Path("/var/lib/fieldpost-collector")
    )
    database_url: Annotated[
        str,
        Field(
            description="`postgresql://user@host/name`, for any number of replicas, or `sqlite:///path` for one;"
            " empty: collector.sqlite in `state_dir`."
        ),
    ] = ""
    database_url_file: Annotated[
        Path | None,
        Field(description="File with the database URL, where it holds a password; used over `database_url`."),
    ] = None
    database: Annotated[str, Field(description="Former name of `database_url`.")] = ""
    database_file: Annotated[Path | None, Field(description="Former name of `database_url_file`.")] = None
    listen: Annotated[
        str,
        Field(description="Address to listen on; `unix:/path`: a socket for a reverse proxy of this host (tls = off)."),
    ] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")] = 8443
    public_host: Annotated[str, Field(description="Host name by which agents reach the collector.")] = ""
    public_port: Annotated[
        int,
        Field(ge=0, le=65535, description="Port to reach it by; 0: `port`, or 443 behind a reverse proxy."),
    ] = 0
    tls: Annotated[
        Tls,
        Field(description="`auto`: own CA; `files`: `tls_certificate` and `tls_key`; `off`: only on loopback."),
    ] = "auto"
    tls_certificate: Annotated[Path | None, Field(description="Certificate chain (PEM) for `tls = files`.")] = None
    tls_key: Annotated[Path | None, Field(description="Private key (PEM) for `tls = files`.")] = None
    tls_client_ca_file: Annotated[
        Path | None,
        Field(description="Authorities (PEM) of client certificates; who shows one of another authority is refused."),
    ] = None
    tls_client_required: Annotated[
        bool,
        Field(
            description="Whether agents have to show a client certificate: to the collector (`tls_client_ca_file`), "
            "or to a trusted proxy that says so in `X-Client-Verify: SUCCESS`."
        ),
    ] = False
    trusted_proxies: Annotated[
        tuple[IPvAnyNetwork, ...],
        Field(
            description='Addresses of reverse proxies before the collector, as `["10.0.0.5/32"]`: what they say in '
            "`X-Forwarded-For`, `X-Forwarded-Proto` and `Forwarded` is believed. A proxy on a unix socket always is."
        ),
    ] = ()
    vault_key_file: Annotated[
        Path | None,
        Field(description="Key that seals stored secrets; empty: vault.key in `state_dir`, made at first start."),
    ] = None
    redis_url: Annotated[
        str,
        Field(
            description="`redis://`, `rediss://` or `unix://`: where replicas share their rate limits; empty: nowhere."
        ),
    ] = ""
    redis_url_file: Annotated[
        Path | None, Field(description="File with that URL, where it holds a password; used over `redis_url`.")
    ] = None
    stop_grace_s: Annotated[
        float,
        Field(
            ge=0,
            le=300,
            description="How long it goes on serving once it is told to stop, while `/health/ready` says 503:"
            " until the load balancer before several replicas has noticed. 0 where there is none.",
        ),
    ] = 0
    metrics_listen: Annotated[
        str,
        Field(description="`address:port` of a listener for `/metrics` alone, plain HTTP; empty: there is none."),
    ] = ""
    log_level: Annotated[logs.Level, Field(description="Least severe line that is logged.")] = "info"
    log_format: Annotated[logs.Format, Field(description="`logfmt` or `json`.")] = "logfmt"
    heartbeat_s: Annotated[int, Field(ge=5, le=3600, description="How often agents report on themselves.")] = 60
    status_requests_per_minute: Annotated[
        int, Field(ge=1, le=1_000_000, description="How often one API token may ask from one address.")
    ] = 120
    status_page_url: Annotated[
        str,
        Field(description="Where people reach status pages, as `https://status.example.com`; empty: `public_host`."),
    ] = ""
    status_page_requests_per_minute: Annotated[
        int, Field(ge=1, le=1_000_000, description="How often one address may ask for public status pages.")
    ] = 300
    status_page_fresh_s: Annotated[
        float, Field(ge=0, le=60, description="For how long an answer of a public status page is given again.")
    ] = 3
    status_page_from: Annotated[str, Field(description="Sender of mails to subscribers; empty: `smtp_from`.")] = ""
    oidc_issuer: Annotated[
        str,
        Field(description="Provider of single sign-on (OpenID Connect), as its discovery document names itself."),
    ] = ""
    oidc_client_id: Annotated[str, Field(description="By which name the provider knows this collector.")] = ""
    oidc_client_secret_file: Annotated[
        Path | None, Field(description="File with the client's secret; empty: a public client, by PKCE alone.")
    ] = None
    oidc_name: Annotated[str, Field(max_length=60, description="What the sign-in page calls the provider.")] = (
        "single sign-on"
    )
    oidc_ca_file: Annotated[
        Path | None, Field(description="Authorities (PEM) that are trusted for the provider beside the system's.")
    ] = None
    oidc_origin: Annotated[
        str,
        Field(
            description="Where browsers reach the web UI, as `https://ops.example.com`;"
            " empty: as each browser says. The redirect URI is this and `/ui/sign-in/single-sign-on/back`."
        ),
    ] = ""
    oidc_role: Annotated[
        OidcRole,
        Field(description="Role of people whom no tenant knows yet, in `oidc_tenant`; empty: only members get in."),
    ] = ""
    oidc_tenant: Annotated[str, Field(description="Slug of the tenant that `oidc_role` is for.")] = ""
    sweep_s: Annotated[float, Field(ge=0.1, le=300, description="How often stale results are looked for.")] = 15

    delivery_networks: Annotated[
        tuple[IPvAnyNetwork, ...],
        Field(description='Private networks in which receivers may be, as `["10.0.0.0/8"]`; loopback only by itself.'),
    ] = ()
    delivery_ports: Annotated[
        tuple[Annotated[int, Field(ge=1, le=65535)], ...],
        Field(description="Ports of receivers beside 443 and 8443 (webhooks), 514, 601 and 6514 (syslog)."),
    ] = ()
    delivery_plain_http: Annotated[bool, Field(description="Whether webhooks may be http:// as well.")] = False
    delivery_ca_file: Annotated[
        Path | None, Field(description="Authorities (PEM) that are trusted for receivers beside the system's.")
    ] = None
    delivery_poll_s: Annotated[float, Field(ge=0.05, le=60, description="How often the outbox is looked at.")] = 0.5
    delivery_keep_days: Annotated[
        int, Field(ge=1, le=3650, description="For how long the log of deliveries is kept, and what is dead.")
    ] = 30
    keep_values_days: Annotated[int, Field(ge=1, le=3650, description="For how long values are kept one by one.")] = 14
    keep_hours_days: Annotated[int, Field(ge=2, le=3650, description="For how long values are kept by the hour.")] = 90
    keep_days_days: Annotated[
        int, Field(ge=2, le=36_500, description="For how long values are kept by the day, and statuses.")
    ] = 1095
    keep_activity_days: Annotated[
        int, Field(ge=1, le=3650, description="For how long the activity log is kept; it is cut where it is signed.")
    ] = 400
    keep_runs_days: Annotated[int, Field(ge=1, le=3650, description="For how long runs are listed.")] = 90
    keep_records_days: Annotated[
        int, Field(ge=1, le=3650, description="For how long gaps, and records of unknown kinds, are kept.")
    ] = 90
    keep_findings_days: Annotated[
        int, Field(ge=30, le=36_500, description="For how long resolved tickets and alerts are kept.")
    ] = 1095
    keep_executions_days: Annotated[
        int, Field(ge=31, le=3650, description="For how long it is kept what became of each start and stop.")
    ] = 400
    keep_services_days: Annotated[
        int, Field(ge=31, le=36_500, description="For how long it is kept what the status of services followed from.")
    ] = 400
    disk_budget: Annotated[
        str, Field(description="How large the database may become, as `50GiB`; empty: as large as its volume allows.")
    ] = ""
    disk_reserve: Annotated[
        str,
        Field(description="What is to be left free on its volume (SQLite); empty: 5 %, but at least 1 GiB."),
    ] = ""
    smtp_host: Annotated[str, Field(description="Mail server for e-mail channels; empty: no mail is sent.")] = ""
    smtp_port: Annotated[int, Field(ge=1, le=65535, description="Port of the mail server.")] = 587
    smtp_tls: Annotated[SmtpTls, Field(description="`starttls`, `tls` from the first byte, or `off`.")] = "starttls"
    smtp_from: Annotated[str, Field(description="Sender of mails.")] = "fieldpost@localhost"
    smtp_user: Annotated[str, Field(description="Name to log in with at the mail server; empty: no login.")] = ""
    smtp_password_file: Annotated[
        Path | None, Field(description="File with the password of `smtp_user`; read for each mail.")
    ] = None
    beacon_url_file: Annotated[
        Path | None,
        Field(description="File with a URL that is fetched while all is well, so that a second system notices if not."),
    ] = None
    beacon_s: Annotated[int, Field(ge=5, le=3600, description="How often the URL of `beacon_url_file` is fetched.")] = (
        60
    )

    @field_validator("database_url", "database")
    @classmethod
    def _known_store(cls, value: str) -> str:
        return urls.known_database(value)

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        return urls.known_redis(value)

    @model_validator(mode="after")
    def _one_name_each(self) -> Self:
        if self.database_url and self.database:
            raise ValueError("database: the former name of database_url; expected one of the two")
        if self.database_url_file and self.database_file:
            raise ValueError("database_file: the former name of database_url_file; expected one of the two")
        return self

    @field_validator("status_page_url", "oidc_origin")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        if value and not _ORIGIN.fullmatch(value):
            raise ValueError(f"`{value}`; expected https://host or https://host:port, without a path")
        return value

    @field_validator("disk_budget", "disk_reserve")
    @classmethod
    def _is_size(cls, value: str) -> str:
        if value:
            room.bytes_of(value)
        return value

    @field_validator("metrics_listen")
    @classmethod
    def _is_address_and_port(cls, value: str) -> str:
        if value:
            split_listen(value)
        return value

    @model_validator(mode="after")
    def _tls_is_possible(self) -> Self:
        if self.tls == "off" and not _is_loopback(self.listen):
            raise ValueError(f"tls: off, with listen: {self.listen}; plain HTTP is for loopback addresses alone")
        if self.tls == "files" and not (self.tls_certificate and self.tls_key):
            raise ValueError("tls: files; expected tls_certificate and tls_key beside it")
        if self.tls != "off" and self.listen_path:
            raise ValueError(f"listen: {self.listen}, with tls: {self.tls}; expected tls: off beside a unix socket")
        if self.tls_client_required and not (self.tls_client_ca_file or self.behind_proxy):
            raise ValueError("tls_client_required: true; expected tls_client_ca_file or trusted_proxies beside it")
        return self

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, value: str) -> str:
        parts = urlsplit(value)
        if not value or (parts.scheme == "https" and parts.hostname and not parts.query and not parts.fragment):
            return value
        if parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}:
            return value
        raise ValueError(f"`{value}`; expected https://host/path; http:// on this host alone")

    @model_validator(mode="after")
    def _single_sign_on_is_whole(self) -> Self:
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("oidc_issuer: expected oidc_client_id beside it")
        if self.oidc_role and not self.oidc_tenant:
            raise ValueError(f"oidc_role: {self.oidc_role}; expected oidc_tenant beside it")
        return self

    @field_validator("listen")
    @classmethod
    def _is_address(cls, value: str, _info: ValidationInfo) -> str:
        if value.startswith(_UNIX):
            if not value.removeprefix(_UNIX).startswith("/"):
                raise ValueError(f"`{value}`; expected unix:/absolute/path")
        elif value != "localhost":
            ip_address(value)
        return value

    @property
    def public_url(self) -> str:
        """Where people reach status pages, without a slash at the end; empty where nobody has said so."""
        if self.status_page_url or not self.public_host:
            return self.status_page_url
        return self.agents_url

    @property
    def disk_terms(self) -> room.Terms:
        return room.Terms.of(self.disk_budget, self.disk_reserve)

    @property
    def agents_url(self) -> str:
        """Where agents reach the collector, by its public name; empty where nobody has said that."""
        if not self.public_host:
            return ""
        scheme, usual = ("http", 80) if self.tls == "off" and not self.behind_proxy else ("https", 443)
        port = self.public_port or (usual if self.behind_proxy else self.port)
        return f"{scheme}://{self.public_host}" + ("" if port in {0, usual} else f":{port}")

    @property
    def behind_proxy(self) -> bool:
        """Whether a reverse proxy stands before it, whose TLS and name are the ones that others see."""
        return bool(self.trusted_proxies or self.listen_path)

    @property
    def listen_path(self) -> Path | None:
        """The unix socket to listen on; None where it is an address."""
        return Path(self.listen.removeprefix(_UNIX)) if self.listen.startswith(_UNIX) else None

    @property
    def control_socket(self) -> Path:
        """Where commands reach the collector that serves."""
        return self.state_dir / "control.sock"

    @property
    def setup_code_path(self) -> Path:
        """Where `serve` writes the code that sets up a new collector."""
        return self.state_dir / "setup-code"

    @property
    def vault_path(self) -> Path:
        return self.vault_key_file or self.state_dir / "vault.key"

    @property
    def tls_dir(self) -> Path:
        return self.state_dir / "tls"

    @property
    def server_names(self) -> tuple[str, ...]:
        """Every name by which the server may be called: its public one, what it listens on, and the loopback ones."""
        everywhere = self.listen in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
        bound = () if everywhere or self.listen_path else (self.listen,)
        names = (self.public_host, *bound, "localhost", "127.0.0.1", "::1")
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def store_url(self) -> str:
        """The database to open; it may hold a password, so it is never logged."""
        file = self.database_url_file or self.database_file
        if not file:
            return self.database_url or self.database or f"sqlite:///{self.state_dir / 'collector.sqlite'}"
        field = "database_url_file" if self.database_url_file else "database_file"
        return _checked(urls.of_file(file, field), urls.known_database, field)

    @property
    def limits_url(self) -> str:
        """Where rate limits are shared, empty for nowhere; it may hold a password, so it is never logged."""
        if not self.redis_url_file:
            return self.redis_url
        return _checked(urls.of_file(self.redis_url_file, "redis_url_file"), urls.known_redis, "redis_url_file")


def _checked(url: str, known: Callable[[str], str], field: str) -> str:
    try:
        return known(url)
    except ValueError as error:
        raise ConfigurationError(f"{field}: {error}") from None


def _is_loopback(listen: str) -> bool:
    return listen == "localhost" or listen.startswith(_UNIX) or ip_address(listen).is_loopback


def split_listen(text: str) -> tuple[str, int]:
    """`127.0.0.1:9090` or `[::1]:9090`; ValueError says what was expected."""
    host, _, port = text.rpartition(":")
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
        number = int(port) if port.isascii() and port.isdigit() else -1
    except ValueError:
        number = -1
    if not 0 <= number <= _MAX_PORT:
        raise ValueError(f"`{text}`; expected address:port, such as 127.0.0.1:9090")
    return str(address), number
