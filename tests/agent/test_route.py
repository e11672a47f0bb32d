"""The files of the way to the collector are followed, and never to a way that cannot be gone."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from agent.route import Routing
from agent.way import Way
from common.errors import ConfigurationError
from tests.client_certificates import Client, made

URL = "https://collector.example"


def way_of(client: Client, login: Path | None = None) -> Way:
    return Way(
        proxy="http://p.example:3128" if login else "",
        proxy_login_file=str(login or ""),
        client_certificate_file=str(client.certificate),
        client_key_file=str(client.key),
    )


def test_a_certificate_that_is_renewed_is_shown_from_then_on(tmp_path: Path) -> None:
    mine = made(tmp_path / "mine")
    routing = Routing(URL, None, way_of(mine))
    before = routing.current()
    routing.look()
    assert routing.current() is before, "nothing has changed"
    other = made(tmp_path / "other")
    mine.certificate.write_bytes(other.certificate.read_bytes())
    routing.look()
    assert routing.current() is before
    assert "key values mismatch" in routing.trouble
    assert "what was read before stays in use" in routing.trouble
    mine.key.write_bytes(other.key.read_bytes())
    routing.look()
    assert routing.current().context is not before.context
    assert routing.trouble == ""


def test_another_login_for_the_proxy_is_used_from_then_on(tmp_path: Path) -> None:
    login = tmp_path / "login"
    login.write_text("user:one")
    routing = Routing(URL, None, way_of(made(tmp_path / "mine"), login))
    before = routing.current().proxy
    login.write_text("user:another")
    routing.look()
    assert routing.current().proxy != before
    login.unlink()
    routing.look()
    assert "proxy_login_file" in routing.trouble
    assert "user:another" not in routing.trouble


def test_what_cannot_be_used_at_the_start_is_named(tmp_path: Path) -> None:
    mine, other = made(tmp_path / "mine"), made(tmp_path / "other")
    with pytest.raises(ConfigurationError, match=r"client_certificate_file: .*key values mismatch; expected"):
        Routing(URL, None, Way(client_certificate_file=str(mine.certificate), client_key_file=str(other.key)))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Routing(URL, None, Way(client_certificate_file=str(tmp_path / "nothing")))
    key = load_pem_private_key(mine.key.read_bytes(), None)
    mine.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a password")))
    with pytest.raises(ConfigurationError, match="sealed with a password"):
        Routing(URL, None, way_of(mine))
