"""TLS of the way to the collector: whom to trust, which certificate to show, and failures in words."""

import errno
import os
import socket
import ssl
from datetime import datetime
from http import HTTPStatus

import aiohttp

from common.clock import utc_now

_NOT_YET_VALID, _EXPIRED = 9, 10  # X509_V_ERR_… of OpenSSL's x509_vfy.h
_OTHER_NAMES = (62, 64)
_UNKNOWN_AUTHORITY = (2, 7, 18, 19, 20, 21, 24)
_NEEDED = "at least TLS 1.2"

_SHOW = "`fieldpost-collector tls show` there tells what it has"
_OURS = "look at client_certificate_file and client_key_file here, and at tls_client_ca_file at the collector"

_REASONS = {
    "WRONG_VERSION_NUMBER": "what answers there does not speak TLS; check host and port of the collector's URL",
    "HTTP_REQUEST": "what answers there does not speak TLS; check host and port of the collector's URL",
    "RECORD_LAYER_FAILURE": "what answers there does not speak TLS; check host and port of the collector's URL",
    "UNSUPPORTED_PROTOCOL": f"no version of TLS in common; {_NEEDED} is needed, also of what inspects TLS on the way",
    "TLSV1_ALERT_PROTOCOL_VERSION": f"no version of TLS in common; {_NEEDED} is needed, also of what inspects TLS "
    "on the way",
    "NO_SHARED_CIPHER": "no cipher in common; compare the crypto policies of this host and of what answers there",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "no cipher in common, or it wants a client certificate; compare the crypto "
    f"policies of both hosts, and {_OURS}",
    "TLSV1_UNRECOGNIZED_NAME": "it does not know the name by which it is called; check the host of the collector's URL",
    "UNEXPECTED_EOF_WHILE_READING": "the connection was cut in the TLS handshake; look for a firewall or a proxy that "
    "lets no TLS through, and whether the URL has the right port",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it wants a client certificate; set client_certificate_file and "
    "client_key_file",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": f"it says that this agent's client certificate has expired; {_OURS}",
    "TLSV1_ALERT_UNKNOWN_CA": f"it does not know the authority of this agent's client certificate; {_OURS}",
    "SSLV3_ALERT_BAD_CERTIFICATE": f"it refuses this agent's client certificate; {_OURS}",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": f"it refuses this agent's client certificate; {_OURS}",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it says that this agent's client certificate is revoked; get another one",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": f"it cannot use this agent's client certificate; {_OURS}",
    "TLSV1_ALERT_ACCESS_DENIED": f"it refuses this agent's client certificate; {_OURS}",
}

_NETWORK = {
    errno.ECONNREFUSED: "nothing listens there; check whether the collector runs, and host and port of its URL",
    errno.EHOSTUNREACH: "there is no route to that host; check the network and the firewalls on the way",
    errno.ENETUNREACH: "there is no route to that network; check this host's network",
    errno.ETIMEDOUT: "nobody answers; a firewall on the way may drop the packets",
    errno.ECONNRESET: "the connection was cut; look for a firewall on the way, and at the collector's log",
}


def explain(error: BaseException, *, now: datetime | None = None) -> str:
    """What went wrong on the way to the collector, and what to do about it, in one sentence without secrets."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _refused_by_proxy(error.status)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"the proxy {error.host}:{error.port} cannot be reached: {_innermost(error, now)}; check `proxy`"
    return _innermost(error, now)


def _innermost(error: BaseException, now: datetime | None) -> str:
    cause = _cause(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _unverified(cause, now or utc_now())
    if isinstance(cause, ssl.SSLError):
        return _REASONS.get(cause.reason or "", f"TLS failed ({cause.reason or cause})")
    if isinstance(cause, socket.gaierror):
        return f"the host name does not resolve ({cause.strerror}); check the URL and this host's name servers"
    if isinstance(cause, aiohttp.ServerDisconnectedError):
        return "the connection was closed without an answer; look at the collector's log, and at proxies on the way"
    if isinstance(cause, ConnectionResetError):
        return _NETWORK[errno.ECONNRESET]
    if isinstance(cause, OSError) and cause.errno in _NETWORK:
        return _NETWORK[cause.errno]
    if isinstance(cause, OSError) and cause.errno:
        return os.strerror(cause.errno)
    return str(cause) or type(cause).__name__


def _cause(error: BaseException) -> BaseException:
    """What the HTTP client has wrapped, if it has."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error
    if isinstance(error, aiohttp.ClientOSError) and isinstance(error.__cause__, OSError):
        return error.__cause__
    return error


def _unverified(error: ssl.SSLCertVerificationError, now: datetime) -> str:
    clock = f"this host's clock says {now:%Y-%m-%d %H:%M} UTC"
    if error.verify_code == _EXPIRED:
        return f"its certificate has expired; renew it ({_SHOW}), or set the clock: {clock}"
    if error.verify_code == _NOT_YET_VALID:
        return f"its certificate is not valid yet; set the clock of this host or of the collector: {clock}"
    if error.verify_code in _OTHER_NAMES:
        what = error.verify_message.rstrip(".")
        return f"its certificate has other names ({what}); use one of them in the URL, or set public_host; {_SHOW}"
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return (
            "its certificate is of an authority that this agent does not trust; if the collector has got another one, "
            "enroll again with its --ca-pin or --ca-file; if not, something between the two inspects TLS"
        )
    return f"its certificate cannot be verified ({error.verify_message}); {_SHOW}"


def _refused_by_proxy(status: int) -> str:
    if status in (HTTPStatus.PROXY_AUTHENTICATION_REQUIRED, HTTPStatus.UNAUTHORIZED):  # some answer 401
        return f"the proxy wants a login, or refuses the one it got (HTTP {status}); check proxy_login_file"
    if status in (HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED):
        return f"the proxy does not allow the way to the collector (HTTP {status}); have it allow CONNECT to its port"
    return f"the proxy cannot reach the collector (HTTP {status}); ask for the way from the proxy to the collector"
