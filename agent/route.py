"""What a request travels by: TLS with its trust and certificate, and the proxy; files are read when they change."""

import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from agent.proxy import Proxy, choose
from agent.way import Way
from common.errors import ConfigurationError

LOOK_EVERY_S = 30.0

Marks = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """TLS and proxy of a request; `proxy` None: straight."""

    context: ssl.SSLContext
    proxy: Proxy | None = None


def route(url: str, ca_pem: str | None, way: Way) -> Route:
    """To a collector that is recognised by `ca_pem`, or by what the system trusts."""
    return Route(_showing(tls_context(ca_pem), way), choose(way, url))


def unverified(url: str, way: Way) -> Route:
    """To fetch what is then held against a pin, and for nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return Route(_showing(context, way), choose(way, url))


def tls_context(ca_pem: str | None) -> ssl.SSLContext:
    """Trust these authorities and nobody else; without any, what the system trusts."""
    if ca_pem is None:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=ca_pem)
    return context


class Routing:
    """The route of a link, made anew when a file behind it changes; one that cannot be used changes nothing."""

    def __init__(self, url: str, ca_pem: str | None, way: Way) -> None:
        self._url = url
        self._ca_pem = ca_pem
        self._way = way
        self._files = tuple(
            Path(name) for name in (way.client_certificate_file, way.client_key_file, way.proxy_login_file) if name
        )
        self._marks = self._seen()
        self._looked = time.monotonic()
        self.trouble = ""
        """What is wrong with the files, while the route is still the one of before."""
        self._current = route(url, ca_pem, way)

    def current(self) -> Route:
        """The route to take now."""
        if self._files and time.monotonic() - self._looked >= LOOK_EVERY_S:
            self.look()
        return self._current

    def look(self) -> None:
        """Follow the files where they changed."""
        self._looked = time.monotonic()
        marks = self._seen()
        if marks == self._marks:
            self.trouble = ""
            return
        try:
            self._current = route(self._url, self._ca_pem, self._way)
        except ConfigurationError as error:
            self.trouble = f"{error}; what was read before stays in use"
            return
        self._marks, self.trouble = marks, ""

    def trust(self, ca_pem: str) -> None:
        """Recognise the collector by these authorities from the next connection on."""
        context = _showing(tls_context(ca_pem), self._way)
        self._ca_pem = ca_pem
        self._current = Route(context, self._current.proxy)

    def _seen(self) -> Marks:
        return tuple(_mark(path) for path in self._files)


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _showing(context: ssl.SSLContext, way: Way) -> ssl.SSLContext:
    """The same context, with this agent's client certificate if it has one."""
    if not way.client_certificate_file:
        return context
    where = f"client_certificate_file: `{way.client_certificate_file}`, client_key_file: `{way.client_key_file}`"
    try:
        context.load_cert_chain(
            way.client_certificate_file, way.client_key_file or None, password=lambda: _no_password(where)
        )
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).lower().replace("_", " ")
        raise ConfigurationError(
            f"{where}: {reason}; expected a certificate and the key that belongs to it, in PEM form"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{where}: cannot be read ({error.strerror})") from None
    return context


def _no_password(where: str) -> str:
    raise ConfigurationError(f"{where}: the key is sealed with a password; expected one without, readable by the agent")
