"""The identity provider of single sign-on, as this collector asks it: discovery, authorization code, keys."""

import asyncio
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext, create_default_context
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import orjson
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from collector.core.settings import Settings
from collector.domain.access import single_sign_on
from collector.domain.access.single_sign_on import Expected, Identity, Newcomers, NotBelieved
from collector.domain.access.steps import Step
from common import logs
from common.clock import utc_now

BACK = "/ui/sign-in/single-sign-on/back"
"""Where the provider sends browsers; the redirect URI that is registered with it."""
DEADLINE_SECONDS = 10.0
KEEP_SECONDS = 3600.0
REREAD_SECONDS = 30.0
_MAX_ANSWER = 512 * 1024
_DISCOVERY = "/.well-known/openid-configuration"
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_OK = 200

log = logs.get(__name__)


class ProviderTrouble(Exception):  # noqa: N818 - it reads as the state it is
    """The provider cannot be asked, or answers nothing that can be used."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the provider says about itself, its keys, and when that was read."""

    document: Mapping[str, Any]
    keys: KeySet
    read_at: float


class _Given(NamedTuple):
    """What a code was redeemed for."""

    id_token: str
    access_token: str


class Provider:
    """One provider; what it says of itself is read when first needed and anew once that has aged."""

    def __init__(self, settings: Settings) -> None:
        self.issuer = settings.oidc_issuer
        self.name = settings.oidc_name
        self.newcomers = Newcomers(settings.oidc_role, settings.oidc_tenant)
        self._client_id = settings.oidc_client_id
        self._secret_file = settings.oidc_client_secret_file
        self._origin = settings.oidc_origin
        self._trust = _trust(settings.oidc_ca_file)
        self._known: _Known | None = None
        self._turn = asyncio.Lock()

    def redirect_uri(self, seen_at: str) -> str:
        """`seen_at`: scheme and host by which the browser reached us."""
        return (self._origin or seen_at) + BACK

    async def way_there(self, step: Step, redirect_uri: str) -> str:
        """Where a browser goes to prove who it is."""
        document = (await self._about(KEEP_SECONDS)).document
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "scope": single_sign_on.SCOPE,
            "state": step.state,
            "nonce": step.nonce,
            "code_challenge": single_sign_on.challenge_of(step.verifier),
            "code_challenge_method": "S256",
        }
        there: str = document["authorization_endpoint"]
        return there + ("&" if urlsplit(there).query else "?") + urlencode(query)

    async def identity(self, code: str, step: Step, redirect_uri: str) -> Identity:
        """Whom the provider vouches for, by the code that a browser brought."""
        document = (await self._about(KEEP_SECONDS)).document
        given = await self._redeemed(document, code, step.verifier, redirect_uri)
        claims = await self._believed(given.id_token, step.nonce)
        if "email" not in claims:
            claims = {**claims, **await self._about_user(document, given.access_token, claims.get("sub"))}
        return single_sign_on.identity_of(claims)

    async def _believed(self, token: str, nonce: str) -> Mapping[str, Any]:
        """What the token says; by the keys that are known and, since they may have been replaced, by newer ones."""
        expected = Expected(issuer=self.issuer, client_id=self._client_id, nonce=nonce)
        known = await self._about(KEEP_SECONDS)
        try:
            return single_sign_on.believed(token, known.keys, expected, utc_now())
        except NotBelieved:
            newer = await self._about(REREAD_SECONDS)
            if newer is known:
                raise
            return single_sign_on.believed(token, newer.keys, expected, utc_now())

    async def _about_user(self, document: Mapping[str, Any], access_token: str, subject: object) -> Mapping[str, Any]:
        """Name and address of the token's subject, where the provider says them here alone."""
        url = document.get("userinfo_endpoint")
        if not isinstance(url, str) or not self._is_safe(url) or not access_token:
            return {}
        about = await self._ask("GET", url, headers={"Authorization": f"Bearer {access_token}"})
        if about.get("sub") != subject:
            raise NotBelieved("the provider's answers are about different people")
        return {name: about[name] for name in ("email", "email_verified", "name") if name in about}

    async def _redeemed(self, document: Mapping[str, Any], code: str, verifier: str, redirect_uri: str) -> _Given:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
            "client_id": self._client_id,
        }
        headers = {"Accept": "application/json"}
        secret = self._secret()
        if secret and "client_secret_basic" in document.get("token_endpoint_auth_methods_supported", _BASIC):
            headers["Authorization"] = (
                "Basic " + b64encode(f"{quote(self._client_id)}:{quote(secret)}".encode()).decode()
            )
        elif secret:
            form["client_secret"] = secret
        answer = await self._ask("POST", document["token_endpoint"], data=form, headers=headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderTrouble("token: no id_token in the answer")
        return _Given(token, str(answer.get("access_token", "")))

    def _secret(self) -> str:
        if self._secret_file is None:
            return ""
        try:
            return self._secret_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ProviderTrouble(f"oidc_client_secret_file: cannot be read ({type(error).__name__})") from None

    async def _about(self, older_than: float) -> _Known:
        async with self._turn:
            if self._known is None or time.monotonic() - self._known.read_at >= older_than:
                self._known = await self._read()
            return self._known

    async def _read(self) -> _Known:
        document = await self._ask("GET", self.issuer.rstrip("/") + _DISCOVERY)
        if document.get("issuer") != self.issuer:
            raise ProviderTrouble(f"discovery: issuer {str(document.get('issuer'))[:200]!r}; expected {self.issuer!r}")
        for name in _NEEDED:
            if not self._is_safe(document.get(name)):
                raise ProviderTrouble(f"discovery: {name}: expected an https URL")
        keys = _keys_in(await self._ask("GET", document["jwks_uri"]))
        return _Known(document, keys, time.monotonic())

    def _is_safe(self, url: object) -> bool:
        """Plain HTTP only where the issuer itself, which is on this host, has it."""
        return isinstance(url, str) and url.startswith(("https://", f"{urlsplit(self.issuer).scheme}://"))

    async def _ask(self, method: str, url: str, **more: Any) -> Mapping[str, Any]:
        """One answer in JSON, within the deadline; nothing is followed, and nothing of ours is in what goes wrong."""
        what, timeout = urlsplit(url).path, aiohttp.ClientTimeout(total=DEADLINE_SECONDS)
        connector = aiohttp.TCPConnector(ssl=self._trust)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
                session.request(method, url, allow_redirects=False, **more) as answer,
            ):
                body = await answer.content.read(_MAX_ANSWER)
                while len(body) < _MAX_ANSWER and (more_of_it := await answer.content.read(_MAX_ANSWER - len(body))):
                    body += more_of_it
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ProviderTrouble(f"{what}: {type(error).__name__}") from None
        if answer.status != _OK:
            raise ProviderTrouble(f"{what}: answered {answer.status}{_error_in(body)}")
        return _document(body, what)


_BASIC = ("client_secret_basic",)


def provider_of(settings: Settings) -> Provider | None:
    """None where single sign-on is not set up."""
    return Provider(settings) if settings.oidc_issuer else None


def _trust(ca_file: Path | None) -> SSLContext:
    context = create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


def _keys_in(document: Mapping[str, Any]) -> KeySet:
    """Those that sign with what we take; a provider may have others, also of kinds that nobody here knows."""
    found = document.get("keys")
    usable = [
        key
        for key in (found if isinstance(found, list) else ())
        if isinstance(key, dict) and key.get("kty") in {"RSA", "EC"} and key.get("use", "sig") == "sig"
    ]
    try:
        return KeySet.import_key_set({"keys": usable})
    except (JoseError, ValueError, TypeError, KeyError):
        raise ProviderTrouble("keys: not a key set") from None


def _document(body: bytes, what: str) -> Mapping[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ProviderTrouble(f"{what}: not JSON") from None
    if not isinstance(document, dict):
        raise ProviderTrouble(f"{what}: not a JSON object")
    return document


def _error_in(body: bytes) -> str:
    """The provider's own word for what is wrong (RFC 6749, 5.2), if it is one."""
    try:
        word = str(orjson.loads(body)["error"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""
    return f" ({word})" if word.isascii() and word.replace("_", "").isalnum() and len(word) < 50 else ""  # noqa: PLR2004 - a word
