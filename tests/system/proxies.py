"""nginx, HAProxy and tinyproxy as processes, the first two with the very files that are shipped as examples."""

import os
import shutil
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from collector.core import certificates
from collector.core.certificates import Files
from common.clock import utc_now
from tests.standins.processes import Process, free_port, start

EXAMPLES = Path(__file__).parents[2] / "packaging" / "examples"
READY_WITHIN_S = 30


def needed(tool: str) -> str:
    found = shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{tool} is not installed (make tools)")
    return found


def own_certificate(folder: Path) -> Files:
    return certificates.ensure(folder, ("127.0.0.1", "localhost"), utc_now())


def trusting(files: Files) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=files.ca)


@contextmanager
def nginx(folder: Path, *upstreams: str, client_ca: Path | None = None) -> Iterator[str]:
    """In front of these (address:port, or unix:/path); where it answers."""
    tool, files, port = needed("nginx"), own_certificate(folder / "tls"), free_port()
    changes = {
        "server 127.0.0.1:8443;": "\n    ".join(f"server {upstream};" for upstream in upstreams),
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/nginx/tls/fieldpost.pem": str(files.certificate),
        "/etc/nginx/tls/fieldpost.key": str(files.key),
    }
    if client_ca:
        changes["# ssl_client_certificate /etc/nginx/tls/agents-ca.pem"] = f"ssl_client_certificate {client_ca}"
        changes["# ssl_verify_client"] = "ssl_verify_client"
    site, whole = folder / "site.conf", folder / "nginx.conf"
    site.write_text(_changed(EXAMPLES / "nginx.conf", changes))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root;" if os.geteuid() == 0 else ""
    whole.write_text(
        f"{user} daemon off; pid {folder}/pid; error_log stderr;\nevents {{}}\n"
        f"http {{ access_log off; gzip on; {paths}\ninclude {site};\n}}\n"
    )
    with _running("nginx", [tool, "-p", folder, "-e", "stderr", "-c", whole], folder, port):
        yield f"https://127.0.0.1:{port}"


@contextmanager
def haproxy(folder: Path, *upstreams: str, client_ca: Path | None = None) -> Iterator[str]:
    tool, files, port = needed("haproxy"), own_certificate(folder / "tls"), free_port()
    together = folder / "together.pem"
    together.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())
    text = (EXAMPLES / "haproxy.cfg").read_text()
    plain = "    bind :443 ssl crt /etc/haproxy/tls/fieldpost.pem alpn"
    asking = "    # bind :443 ssl crt /etc/haproxy/tls/fieldpost.pem ca-file /etc/haproxy/tls/agents-ca.pem"
    assert plain in text
    assert asking in text
    if client_ca:
        text = text.replace(plain, "    # bind")
        text = text.replace(asking, f"    bind 127.0.0.1:{port} ssl crt {together} ca-file {client_ca}")
    else:
        text = text.replace(plain, f"    bind 127.0.0.1:{port} ssl crt {together} alpn")
    assert "    server collector 127.0.0.1:8443" in text
    servers = "\n".join(f"    server collector{number} {upstream}" for number, upstream in enumerate(upstreams))
    whole = folder / "haproxy.cfg"
    whole.write_text(text.replace("    server collector 127.0.0.1:8443", servers))
    with _running("haproxy", [tool, "-db", "-f", whole], folder, port):
        yield f"https://127.0.0.1:{port}"


@contextmanager
def tinyproxy(folder: Path, *, login: str, connect_to: int) -> Iterator[str]:
    """An HTTP proxy that wants `user:password` and allows CONNECT to one port."""
    tool, port = needed("tinyproxy"), free_port()
    user, _, password = login.partition(":")
    whole = folder / "tinyproxy.conf"
    whole.write_text(
        f"Port {port}\nListen 127.0.0.1\nTimeout 600\nMaxClients 20\nLogLevel Connect\n"
        f'BasicAuth {user} {password}\nConnectPort {connect_to}\nPidFile "{folder}/pid"\n'
    )
    with _running("tinyproxy", [tool, "-d", "-c", whole], folder, port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _running(name: str, words: Sequence[object], folder: Path, port: int) -> Iterator[Process]:
    process = start(name, words, log=folder / f"{name}.log")
    try:
        process.wait_until(lambda: _listens(port), timeout_s=READY_WITHIN_S)
        yield process
    finally:
        process.stop()


def _listens(port: int) -> bool | None:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0 or None


def _changed(example: Path, changes: Mapping[str, str]) -> str:
    text = example.read_text()
    for shipped, tested in changes.items():
        assert shipped in text, f"{example}: {shipped}"
        text = text.replace(shipped, tested, 1)
    return text
