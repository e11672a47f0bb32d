"""The certificate: whether it is there, whole, good for long enough and for the names by which agents call."""

import os
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from collector.core import certificates
from collector.doctor.ground import UNIT, Ground, quoted, user
from common.checkup import Finding, Look, untold, unwell, well
from common.clock import utc_now
from common.filemodes import open_to_others, owner_name, said

_NEAR_DAYS = 21
_ID = "certificate"


def _certificate(ground: Ground) -> Iterator[Finding]:
    settings = ground.settings
    if settings.tls == "off":
        yield well(_ID, "TLS is off")
        return
    files = certificates.Files(settings.tls_dir)
    chain = settings.tls_certificate if settings.tls == "files" else files.certificate
    key = settings.tls_key if settings.tls == "files" else files.key
    if chain is None or key is None or (settings.tls == "auto" and not files.ca.exists()):
        yield untold(_ID, "not made yet; `serve` makes it")
        return
    yield _judged(ground, chain, key)


def _judged(ground: Ground, chain: Path, key: Path) -> Finding:
    try:
        certificate = x509.load_pem_x509_certificate(chain.read_bytes())
        public = _public_of(key)
    except OSError as error:
        path = error.filename or chain
        me, mend = owner_name(os.geteuid()), f"ls -l {quoted(path)}\nchown {user()} {quoted(path)}"
        return unwell(_ID, f"{path} cannot be read by {me} ({error.strerror})", mend)
    except (ValueError, TypeError):
        mend = f"openssl x509 -in {quoted(chain)} -noout -subject\nopenssl pkey -in {quoted(key)} -noout"
        return unwell(
            _ID, f"{chain} or {key} holds no certificate and key in PEM form, or the key has a password", mend
        )
    if public != certificate.public_key():
        mend = f"openssl x509 -in {quoted(chain)} -noout -pubkey\nopenssl pkey -in {quoted(key)} -pubout"
        return unwell(_ID, f"the key {key} is not that of the certificate {chain}", mend)
    found = key.stat()
    if open_to_others(found) and found.st_mode & 0o007:
        return unwell(_ID, f"anybody may read the key {key} ({said(found)})", f"chmod o-rwx {quoted(key)}")
    return _for_long(ground, chain, certificate)


def _public_of(key: Path) -> PublicKeyTypes:
    return serialization.load_pem_private_key(key.read_bytes(), password=None).public_key()


def _for_long(ground: Ground, chain: Path, certificate: x509.Certificate) -> Finding:
    ends = certificate.not_valid_after_utc
    own = ground.settings.tls == "auto"
    renew = (
        f"systemctl restart {UNIT}   # it renews its own certificate when it starts, and every few hours"
        if own
        else f"get a new certificate, and put it in place of {chain}; it is taken up without a restart"
    )
    left = (ends - utc_now()).days
    if left < 0:
        return unwell(_ID, f"{chain} has expired on {ends:%Y-%m-%d}: no agent can connect", renew)
    if certificate.not_valid_before_utc > utc_now():
        return unwell(_ID, f"{chain} is not valid yet: this host's clock is wrong, or it was made ahead", "timedatectl")
    if left < _NEAR_DAYS:
        return unwell(_ID, f"{chain} ends on {ends:%Y-%m-%d}, in {left} days", renew)
    name = ground.settings.public_host
    if name and not covers(certificate, name):
        names = ", ".join(_names(certificate)) or "(none)"
        mend = renew if own else f"get a certificate for {name}, or correct public_host"
        return unwell(_ID, f"{chain} is for {names}, and not for public_host {name}", mend)
    return well(_ID, f"{chain}: good for {left} days, for {', '.join(_names(certificate))}")


def covers(certificate: x509.Certificate, name: str) -> bool:
    """As clients see it: the exact name, or a wildcard for its first label."""
    wanted = name.lower()
    _, _, parent = wanted.partition(".")
    return any(one.lower() in (wanted, f"*.{parent}") for one in _names(certificate))


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = [str(one) for one in found.get_values_for_type(x509.IPAddress)]
    return [*found.get_values_for_type(x509.DNSName), *addresses]


LOOKS = (Look({_ID: "certificate"}, _certificate),)
