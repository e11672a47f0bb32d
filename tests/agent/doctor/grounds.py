"""An agent's folder as `doctor` finds it, and certificates with every fault that one can have."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from agent.doctor.ground import Ground
from agent.identity import KEY_FILE, Enrolment, save_enrolment
from agent.settings import Settings
from common.checkup import Finding, Look, examine
from common.identity import PrivateKey
from common.settings import load


def ground(folder: Path, **settings: object) -> Ground:
    """A folder of state with nothing in it."""
    state = folder / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    flags = {"state_dir": state, "config_dir": folder / "etc", "spool_min_free_bytes": 0, **settings}
    return Ground(load(Settings, flags=flags))


def enrol(
    at: Ground, url: str, *, ca_pem: str | None = None, state: Literal["active", "pending"] = "active"
) -> PrivateKey:
    """What an enrolment as agt_1 leaves behind."""
    key = PrivateKey.generate()
    key.save(at.state / KEY_FILE)
    save_enrolment(at.state, Enrolment("agt_1", "acme", "host", url, state, ca_pem))
    return key


async def seen(looks: Sequence[Look[Ground]], at: Ground) -> dict[str, Finding]:
    """What these looks find, by id, while the test's own loop serves."""
    report = await asyncio.to_thread(examine, looks, at)
    return {finding.id: finding for finding in report.findings}


def bad(found: dict[str, Finding]) -> dict[str, Finding]:
    """What is not well; each of them says what mends it."""
    unwell = {id_: finding for id_, finding in found.items() if finding.state == "unwell"}
    assert all(finding.mend for finding in unwell.values()), unwell
    return unwell


# --- certificates --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Issued:
    """A server's context, and its CA."""

    context: ssl.SSLContext
    ca_pem: str
    chain: Path
    key: Path


def issued(folder: Path, *, starts: float = -1, ends: float = 30, host: str | None = None) -> Issued:
    """A CA and a certificate of it for 127.0.0.1 (or `host` alone), good from so many days on for so many days."""
    folder.mkdir(exist_ok=True)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(host)] if host else [x509.IPAddress(IPv4Address("127.0.0.1")), x509.DNSName("localhost")]
    ca = _certificate("CA", ca_key.public_key(), signer=ca_key, days=(-1, 60), names=None)
    own = _certificate("collector", key.public_key(), signer=ca_key, days=(starts, ends), names=names)
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(own.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    return Issued(context, ca.public_bytes(Encoding.PEM).decode(), chain, private)


def _certificate(
    name: str,
    key: ec.EllipticCurvePublicKey,
    *,
    signer: ec.EllipticCurvePrivateKey,
    days: tuple[float, float],
    names: Sequence[x509.GeneralName] | None,
) -> x509.Certificate:
    at = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at + timedelta(days=days[0]))
        .not_valid_after(at + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256())
