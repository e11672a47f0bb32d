"""A connection's wallet: what the driver's thin mode needs of it, and for how long it is good."""

import os
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509

from agent.config import Connection
from agent.doctor.ground import quoted, user
from common.checkup import Finding, untold, unwell, well
from common.clock import utc_now
from common.filemodes import open_to_others, owner_name, said

_NEAR_END_DAYS = 21
_PEM = "ewallet.pem"


def look(connection: Connection) -> Iterator[Finding]:
    """Nothing for a connection without a wallet."""
    folder = connection.wallet_dir
    if folder is not None:
        yield _judged(connection.name, folder)


def _judged(name: str, folder: Path) -> Finding:
    pem = folder / _PEM
    if not folder.is_dir():
        mend = f"unpack the wallet into it, for {user()} alone:\ninstall -d -m 0700 -o {user()} {quoted(folder)}"
        return unwell(
            "wallet", f"the folder {folder} is not there, or closed to {owner_name(os.geteuid())}", mend, of=name
        )
    if not pem.exists():
        others = sorted(path.name for path in folder.glob("*wallet*"))
        detail = f"{pem} is not there ({', '.join(others) or 'nor any other wallet file'}); thin mode reads that one"
        mend = (
            f"openssl pkcs12 -in {quoted(folder / 'ewallet.p12')} -nodes -out {quoted(pem)}\nchmod 0600 {quoted(pem)}"
        )
        return unwell("wallet", detail, mend, of=name)
    try:
        content, found = pem.read_bytes(), pem.stat()
    except OSError as error:
        detail = f"{pem} cannot be read by {owner_name(os.geteuid())} ({error.strerror})"
        return unwell("wallet", detail, f"chown {user()} {quoted(pem)}\nchmod 0600 {quoted(pem)}", of=name)
    if b"ENCRYPTED" in content:
        mend = f"openssl pkey -in {quoted(pem)} -out key.pem   # asks for it once; put it in place of the key in {pem}"
        return unwell("wallet", f"{pem} has a key under a password, which nobody can give to a service", mend, of=name)
    return _certificates(name, pem, content) or _modes(name, pem, found)


def _certificates(name: str, pem: Path, content: bytes) -> Finding | None:
    show = f"openssl crl2pkcs7 -nocrl -certfile {quoted(pem)} | openssl pkcs7 -print_certs -noout"
    try:
        certificates = x509.load_pem_x509_certificates(content)
    except ValueError:
        return unwell("wallet", f"{pem} holds no certificate that can be read", show, of=name)
    now = utc_now()
    ends = min(certificate.not_valid_after_utc for certificate in certificates)
    renew = f"renew the wallet (in the cloud console, or with orapki), then unpack it into {pem.parent}"
    if ends <= now:
        return unwell("wallet", f"a certificate in {pem} has expired on {ends:%Y-%m-%d}", f"{show}\n{renew}", of=name)
    if (ends - now).days < _NEAR_END_DAYS:
        return untold("wallet", f"a certificate in {pem} ends on {ends:%Y-%m-%d}", f"{show}\n{renew}", of=name)
    return None


def _modes(name: str, pem: Path, found: os.stat_result) -> Finding:
    if open_to_others(found):
        return unwell("wallet", f"{pem} is open to others ({said(found)})", f"chmod 0600 {quoted(pem)}", of=name)
    return well("wallet", f"{pem} ({said(found)})", of=name)
