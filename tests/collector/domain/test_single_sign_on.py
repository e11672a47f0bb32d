"""What a provider's token must say to be believed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from collector.domain.access.single_sign_on import Expected, NotBelieved, believed, challenge_of, identity_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
EXPECTED = Expected(issuer="https://id.example.com", client_id="fieldpost", nonce="n" * 43)
KEY = ECKey.generate_key("P-256", {"kid": "one"})
OTHER = ECKey.generate_key("P-256", {"kid": "one"})
KEYS = KeySet([KEY])
CLAIMS: Mapping[str, Any] = {
    "iss": EXPECTED.issuer,
    "aud": EXPECTED.client_id,
    "sub": "4711",
    "nonce": EXPECTED.nonce,
    "iat": AT - 5,
    "exp": AT + 300,
    "email": "Ana@Example.com",
    "email_verified": True,
    "name": "Ana Lima",
}


def token(changed: Mapping[str, object] | None = None, *, key: ECKey = KEY) -> str:
    """None leaves a claim out."""
    claims = {name: value for name, value in {**CLAIMS, **(changed or {})}.items() if value is not None}
    return jwt.encode({"alg": "ES256", "kid": "one"}, claims, key, algorithms=["ES256"])


def test_a_token_that_is_right_says_who_somebody_is() -> None:
    who = identity_of(believed(token(), KEYS, EXPECTED, NOW))
    assert (who.email, who.name) == ("ana@example.com", "Ana Lima")


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": ["fieldpost"]},
        {"aud": ["fieldpost", "other"], "azp": "fieldpost"},
        {"exp": AT - 59},
        {"iat": AT + 59},
    ],
)
def test_a_token_may_be_for_several_and_clocks_may_differ_a_little(changed: dict[str, object]) -> None:
    assert believed(token(changed), KEYS, EXPECTED, NOW)["sub"] == "4711"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"iss": "https://id.example.com/"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": "other"}, "another client"),
        ({"aud": ["fieldpost", "other"]}, "another client"),
        ({"aud": ["fieldpost", "other"], "azp": "other"}, "another client"),
        ({"azp": "other"}, "another client"),
        ({"aud": None}, "another client"),
        ({"exp": AT - 60}, "past its end"),
        ({"exp": None}, "past its end"),
        ({"exp": "soon"}, "past its end"),
        ({"exp": True}, "past its end"),
        ({"iat": AT + 61}, "from the future"),
        ({"iat": None}, "from the future"),
        ({"nonce": "x" * 43}, "another sign-in"),
        ({"nonce": None}, "another sign-in"),
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_not_believed(changed: dict[str, object], why: str) -> None:
    with pytest.raises(NotBelieved, match=why):
        believed(token(changed), KEYS, EXPECTED, NOW)


def test_a_signature_of_another_key_or_of_none_is_not_believed() -> None:
    head, body, signature = token().split(".")
    shared = OctKey.import_key(b"a shared secret of thirty-two by" * 2)
    by_secret = jwt.encode({"alg": "HS256", "kid": "one"}, dict(CLAIMS), shared, algorithms=["HS256"])
    none = "eyJhbGciOiJub25lIn0"
    unsigned = (f"{none}.{body}.", f"{none}.{body}.{signature}", f"{head}.{body}.", "", "é", "a.b.c")
    for forged in (token(key=OTHER), by_secret, *unsigned):
        with pytest.raises(NotBelieved, match="not signed as expected"):
            believed(forged, KEYS, EXPECTED, NOW)


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_address_counts_only_where_the_provider_has_verified_it(verified: object) -> None:
    with pytest.raises(NotBelieved, match="email_verified"):
        identity_of({**CLAIMS, "email_verified": verified})


@pytest.mark.parametrize("email", ["", "nobody", None, "a@b@c", 7])
def test_an_address_must_be_one(email: object) -> None:
    with pytest.raises(NotBelieved, match="no usable e-mail address"):
        identity_of({**CLAIMS, "email": email})


@pytest.mark.parametrize(
    ("name", "shown"), [("", "ana@example.com"), ("a\nb", "ana@example.com"), ("x" * 500, "x" * 120)]
)
def test_a_name_that_cannot_be_used_is_no_reason_to_stay_outside(name: str, shown: str) -> None:
    assert identity_of({**CLAIMS, "name": name}).name == shown


def test_the_challenge_is_that_of_the_specification() -> None:
    """The example of RFC 7636, appendix B."""
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
