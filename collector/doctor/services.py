"""What the collector needs of others: a Redis for shared limits, a mail server. No mail is sent."""

import asyncio
import importlib.util
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import aiosmtplib

from collector.core.settings import Settings
from collector.delivery.trust import trust
from collector.doctor.ground import Ground, quoted, user
from common.checkup import Finding, Look, unwell, well
from common.errors import ConfigurationError

_SECONDS = 8.0


# --- Redis ---------------------------------------------------------------------------------------------------------


def _redis(ground: Ground) -> Iterator[Finding]:
    try:
        url = ground.settings.limits_url
    except ConfigurationError as error:
        file = quoted(ground.settings.redis_url_file or "")
        yield unwell("redis", str(error), f"ls -l {file}   # it has to be there, and {user()}'s, mode 0600")
        return
    if not url:
        yield well("redis", "none is set; limits are counted in each process")
        return
    if importlib.util.find_spec("redis") is None:
        yield unwell("redis", "the redis library is missing", "pip install 'fieldpost[collector,redis]'")
        return
    yield _pinged(url)


def _pinged(url: str) -> Finding:
    from redis import Redis, exceptions  # noqa: PLC0415 - an extra

    parts = urlsplit(url)
    place = parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"
    try:
        with Redis.from_url(url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS) as client:
            client.ping()
    except exceptions.AuthenticationError:
        mend = "redis_url: correct user and password, redis://user:password@host:6379/0"
        return unwell("redis", f"Redis at {place} refuses the password, or wants one", mend)
    except (exceptions.RedisError, OSError) as error:
        where = f"-s {quoted(place)}" if parts.scheme == "unix" else f"-h {parts.hostname} -p {parts.port or 6379}"
        mend = f"redis-cli {where} ping\nsystemctl status redis-server   # there"
        return unwell("redis", f"Redis at {place} does not answer ({type(error).__name__})", mend)
    return well("redis", f"{place} answers")


# --- mail ----------------------------------------------------------------------------------------------------------


def _smtp(ground: Ground) -> Iterator[Finding]:
    if not ground.settings.smtp_host:
        yield well("smtp", "no mail server is set; no mail is sent")
        return
    yield asyncio.run(_greeted(ground.settings))


async def _greeted(settings: Settings) -> Finding:
    place = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        password = settings.smtp_password_file.read_text().strip() if settings.smtp_password_file else ""
        context = trust(settings.delivery_ca_file) if settings.smtp_tls != "off" else None
    except OSError as error:
        mend = f"ls -l {quoted(error.filename or '')}   # readable by {user()}, mode 0600"
        return unwell("smtp", f"{error.filename or settings.delivery_ca_file} cannot be read ({error.strerror})", mend)
    client = aiosmtplib.SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        use_tls=settings.smtp_tls == "tls",
        start_tls=settings.smtp_tls == "starttls",
        tls_context=context,
        timeout=_SECONDS,
    )
    try:
        async with asyncio.timeout(2 * _SECONDS):
            await client.connect()
            if settings.smtp_user:
                await client.login(settings.smtp_user, password)
            await client.quit()
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        return _refused(settings, place, error)
    finally:
        client.close()
    return well("smtp", f"{place} takes mails" + (f" of {settings.smtp_user}" if settings.smtp_user else ""))


def _refused(settings: Settings, place: str, error: Exception) -> Finding:
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        mend = f"correct smtp_user or the file {settings.smtp_password_file}; it is read for each mail"
        return unwell("smtp", f"{place} refuses the login of {settings.smtp_user} ({error.code})", mend)
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        mend = (
            f"openssl s_client -starttls smtp -connect {place} </dev/null\ndelivery_ca_file = …   # its authority, PEM"
        )
        return unwell("smtp", f"the certificate of {place} is not trusted ({cause.verify_message})", mend)
    if isinstance(cause, ssl.SSLError) or "STARTTLS" in str(error):
        mend = 'smtp_tls = "starttls"   # usually with port 587; "tls" with 465; "off" without'
        return unwell("smtp", f"{place} and smtp_tls = {settings.smtp_tls} do not fit ({type(error).__name__})", mend)
    mend = (
        f"nc -vz -w 5 {settings.smtp_host} {settings.smtp_port}\ncorrect smtp_host and smtp_port, or open the firewall"
    )
    return unwell("smtp", f"{place} does not answer as a mail server does ({type(error).__name__})", mend)


LOOKS = (Look({"redis": "Redis"}, _redis), Look({"smtp": "mail server"}, _smtp, deadline_s=25.0))
