"""What leaves in a support file has lost its secrets, however they were written."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import tokens
from common.redacting import HIDDEN, Names, Redactor, forms_of

SECRET = "pl4nted/Secret+ö%"


@settings(max_examples=60, deadline=None)
@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=6, max_size=40),
    before=st.binary(max_size=5),
    after=st.binary(max_size=5),
)
def test_a_known_secret_is_found_in_every_form(secret: str, before: bytes, after: bytes) -> None:
    redact = Redactor([secret])
    wrapped = base64.b64encode(before + secret.encode() + after).decode()
    core = max(forms_in(wrapped, secret), key=len)
    for text in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], secret.encode().hex()):
        assert text not in redact(f"value {text} end"), text
    assert core not in redact(wrapped)


def forms_in(text: str, secret: str) -> list[str]:
    found = [form for form in forms_of(secret) if form in text]
    assert found, "one of the three offsets fits"
    return found


@pytest.mark.parametrize(
    "line",
    [
        f"password={SECRET}",
        f'"smtp_password": "{SECRET}"',
        f"PGPASSWORD={SECRET} psql",
        f"user=x; Pwd='{SECRET}';",
        f'ALTER USER x IDENTIFIED BY "{SECRET}"',
        f"Authorization: Bearer {SECRET.replace('ö%', '')}",
        "proxy-authorization=Basic " + base64.b64encode(SECRET.encode()).decode(),
        f"postgresql://fp:{quote(SECRET, safe='')}@db/x",
        f"(DESCRIPTION=(ADDRESS=(HOST=h))(SECURITY=(WALLET_PASSWORD={SECRET})))",
        f"connect scott/{SECRET.replace('/', '')}@sales",
        f"Environment=SALES={SECRET}",
        f"SetCredential=x:{SECRET}",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
        f"external_id: {SECRET}",
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_hidden_although_nobody_knows_it(line: str) -> None:
    told = Redactor([])(line)
    assert "pl4nted" not in told
    assert HIDDEN in told


def test_our_own_secrets_are_known_by_their_look() -> None:
    for kind in tokens.KINDS:
        token = tokens.mint(kind)
        assert token not in Redactor([])(f"x {token} y")


def test_what_is_no_secret_stays_as_it_is() -> None:
    text = "records=5 password_file=/etc/x mode=0600 ORA-01017 at 2026-11-22T10:00:00Z https://c.example.com:8443/a"
    assert Redactor(["", "abc"])(text) == text


def test_names_get_the_same_word_everywhere_and_another_one_elsewhere() -> None:
    change = Names(["db1.example.com", "db1", "SCOTT"], b"key")
    told = change("db1.example.com scott SCOTT db1 10.1.2.3 127.0.0.1 db12 19.25.0.0.0")
    first, second, third, fourth, address, loopback, other, release = told.split()
    assert second == third != first != fourth
    assert (loopback, other, release) == ("127.0.0.1", "db12", "19.25.0.0.0")
    assert address.startswith("address-")
    assert change("scott") == second
    assert Names(["SCOTT"], b"other")("scott") != second
