"""TLS as the server speaks it: the certificate in use, exchanged without a restart, and client certificates.

One context listens for as long as the process lives; each handshake is handed over to the newest one, so that a pair
that cannot be used never takes the place of one that can.
"""

import hashlib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

from cryptography import x509

from collector.core import certificates
from collector.core.settings import Settings
from common import logs
from common.clock import Now, utc_now
from common.errors import ConfigurationError

WARN_DAYS = 14
_SAY_AGAIN = timedelta(minutes=1)

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is in use. `names`: the hosts and addresses that it covers."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    begins: datetime
    ends: datetime
    digest: str

    def days_left(self, now: datetime) -> float:
        return (self.ends - now).total_seconds() / 86_400


@dataclass(frozen=True, slots=True)
class Sources:
    """The files that it is read from."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def digest(self) -> str:
        """Over all of them, so that a file that is only touched changes nothing."""
        read = [path.read_bytes() for path in (self.certificate, self.key, self.client_ca) if path]
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in read)).hexdigest()


class ServerTls:
    """The listening context and what it shows; `look` follows the files."""

    def __init__(self, sources: Sources, *, now: Now = utc_now) -> None:
        self.failed = 0
        """Handshakes that came to nothing."""
        self._sources = sources
        self._now = now
        self._said: dict[str, datetime] = {}
        self._refused = ""
        self._warned: datetime | None = None
        try:
            self._current, self.shown = self._read()
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"tls: {_why(error, sources)}") from None
        self.context = self._current
        self.context.sni_callback = self._hand_over
        self._warn()

    def look(self) -> bool:
        """Whether the files hold something new that is in use from now on."""
        self._warn()
        try:
            digest = self._sources.digest()
        except OSError as error:
            return self._refuse(str(error), error)
        if digest in {self.shown.digest, self._refused}:
            return False
        try:
            context, shown = self._read()
            _is_current(shown, self._now())
        except (OSError, ValueError) as error:
            return self._refuse(digest, error)
        self._current, self.shown, self._refused = context, shown, ""
        log.info("certificate exchanged", subject=shown.subject, ends=shown.ends.isoformat())
        self._warn()
        return True

    def _refuse(self, what: str, error: Exception) -> bool:
        """Say so once for the same trouble."""
        if what != self._refused:
            log.warning("certificate refused, the one before stays in use", reason=_why(error, self._sources))
        self._refused = what
        return False

    def days_left(self) -> float:
        return self.shown.days_left(self._now())

    def _read(self) -> tuple[ssl.SSLContext, Shown]:
        shown = described(self._sources.certificate.read_bytes(), digest=self._sources.digest())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslobject_class = _spoken(self._failed)
        context.load_cert_chain(self._sources.certificate, self._sources.key, password=_no_password)
        if self._sources.client_ca:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(self._sources.client_ca)
            context.num_tickets = 0  # nobody comes back without showing the certificate
        return context, shown

    def _hand_over(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        if connection.context is not self._current:
            connection.context = self._current

    def _failed(self, reason: str) -> None:
        """Each reason is logged once a minute: whoever can reach the port can make handshakes fail."""
        self.failed += 1
        now, said = self._now(), self._said.get(reason)
        if said is None or now - said >= _SAY_AGAIN:
            self._said[reason] = now
            log.info("tls handshake failed", reason=reason)

    def _warn(self) -> None:
        now = self._now()
        if self.days_left() >= WARN_DAYS or (self._warned and now.date() == self._warned.date()):
            return
        self._warned = now
        log.warning("certificate ends soon", subject=self.shown.subject, days_left=round(self.days_left(), 1))


def described(pem: bytes, *, digest: str = "") -> Shown:
    """The first certificate of a chain, in words; ValueError when there is none."""
    certificate = x509.load_pem_x509_certificates(pem)[0]
    return Shown(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        names=_names(certificate),
        begins=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
        digest=digest,
    )


def sources(settings: Settings) -> Sources | None:
    """Where the server's certificate is; None where it speaks no TLS."""
    if settings.tls == "off":
        return None
    if settings.tls_certificate and settings.tls_key and settings.tls == "files":
        return Sources(settings.tls_certificate, settings.tls_key, settings.tls_client_ca_file)
    files = certificates.Files(settings.tls_dir)
    return Sources(files.certificate, files.key, settings.tls_client_ca_file)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = found.get_values_for_type(x509.IPAddress)
    return (*found.get_values_for_type(x509.DNSName), *(str(address) for address in addresses))


def _is_current(shown: Shown, now: datetime) -> None:
    if not shown.begins <= now < shown.ends:
        raise ValueError(
            f"good from {shown.begins:%Y-%m-%d %H:%M} to {shown.ends:%Y-%m-%d %H:%M} UTC, which is not now"
        )


def _why(error: Exception, of: Sources) -> str:
    """An `SSLError` is an `OSError` without a file's name."""
    where = f"certificate `{of.certificate}`, key `{of.key}`" + (
        f", client CA `{of.client_ca}`" if of.client_ca else ""
    )
    if isinstance(error, ssl.SSLError):
        return f"{where}: {_reason(error)}; expected a certificate and the key that belongs to it, in PEM form"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}; expected a file that the collector may read"
    return f"{where}: {error}"


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"client certificate refused: {error.verify_message}"
    return (error.reason or "unknown").lower().replace("_", " ")


def _no_password() -> NoReturn:
    raise ValueError("the key is sealed with a password; expected one without, readable by the collector alone")


def _spoken(failed: Callable[[str], None]) -> type[ssl.SSLObject]:
    """A server's side of TLS that tells both ends why a handshake failed."""

    class Spoken(ssl.SSLObject):
        _error: ssl.SSLError | None = None

        def do_handshake(self) -> None:
            if self._error is not None:
                raise self._error
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                failed(_reason(error))
                self._error = error
                # asyncio would cut the line: this has it send what OpenSSL has to say to the other side first
                raise ssl.SSLWantReadError from None

    return Spoken


def client_name(connection: ssl.SSLObject | None) -> str:
    """The subject of the certificate that the other side has shown and that was verified; empty without one."""
    shown = connection.getpeercert() if connection else None
    names: Sequence[Sequence[tuple[str, str]]] = shown.get("subject", ()) if shown else ()  # type: ignore[assignment]
    return ", ".join(f"{key}={value}" for part in names for key, value in part) or ("-" if shown else "")
