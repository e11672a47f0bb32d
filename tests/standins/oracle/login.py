"""The server's side of a login, from the first message to an open session or a refusal."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.standins.oracle.authentication import (
    PHASE_ONE,
    PHASE_TWO,
    AuthRequest,
    DataTypesRequest,
    FastRequest,
    LoginRequest,
    ProtocolRequest,
    encode_release,
    parse_login,
    write_data_types,
    write_protocol,
    write_warning,
)
from tests.standins.oracle.codec import MalformedError, Writer
from tests.standins.oracle.connection import Connection
from tests.standins.oracle.persona import Persona, negotiated_field_version
from tests.standins.oracle.responses import (
    Ending,
    failed,
    write_end_of_response,
    write_error,
    write_parameters,
    write_status,
)
from tests.standins.oracle.types import Account, AccountStatus, Backend, Login, OracleError
from tests.standins.oracle.verifier import (
    GENERATION_ROUNDS,
    SESSION_ROUNDS,
    VERIFIER_TYPE,
    KeyExchange,
    Verifier,
    make_verifier,
    random_verifier,
    server_proof,
)

_DENIED = OracleError(1017, "invalid username/password; logon denied")
_LOCKED = OracleError(28000, "The account is locked.")
_EXPIRED = OracleError(28001, "the password has expired")
_EXPIRING = "ORA-28002: the password will expire within 7 days"
_MAX_OPEN_CURSORS = 1000
_MAX_IDENTIFIER = 128


class Verifiers:
    """Makes each account's verifier once: a database does so when the password is set."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Verifier] = {}

    async def of(self, account: Account | None) -> Verifier:
        if account is None:
            return random_verifier()
        key = (account.name, account.password)
        if key not in self._known:
            self._known[key] = await asyncio.to_thread(make_verifier, account.password)
        return self._known[key]


@dataclass(frozen=True)
class LoggedIn:
    """A client that proved its password; its answer is still to be sent."""

    account: Account
    login: Login
    session_key: bytes
    field_version: int
    sequence: int
    time_zone: str | None


@dataclass
class LoginDialogue:
    """Talks to one client until it is logged in; raises OracleError when it may not come in."""

    connection: Connection
    persona: Persona
    backend: Backend
    login: Login  # what the listener knows so far
    verifiers: Verifiers
    delay: float = 0
    field_version: int = 0
    user: str = ""
    _data_types: DataTypesRequest | None = field(default=None)

    async def run(self) -> LoggedIn:
        self.field_version = self.persona.field_version
        request = await self._first_auth()
        self.user = request.user
        await self.connection.sleep(self.delay)
        account = self.backend.lookup_user(request.user, request.mode)
        if account is not None and request.mode not in account.modes:
            account = None
        exchange = KeyExchange(await self.verifiers.of(account))
        await self._send_challenge(exchange, request.sequence)
        proof = await self._receive()
        if not isinstance(proof, AuthRequest) or proof.function != PHASE_TWO:
            raise MalformedError("something else than the second phase of a login")
        session_key = _checked(exchange, proof, account)
        if account is None or session_key is None:
            raise _DENIED
        if account.status is AccountStatus.EXPIRED:
            raise _EXPIRED
        return self._logged_in(account, session_key, proof)

    async def _receive(self) -> LoginRequest:
        return await self.connection.receive(lambda reader: parse_login(reader, self.field_version))

    async def _first_auth(self) -> AuthRequest:
        """Answer protocol and data types, one by one or with the first authentication call."""
        while True:
            request = await self._receive()
            match request:
                case ProtocolRequest():
                    await self._send_protocol()
                case DataTypesRequest():
                    await self._send_data_types(request)
                case FastRequest(data_types, auth) if self.persona.fast_auth:
                    self._negotiate(data_types)
                    self._data_types = data_types
                    return auth
                case AuthRequest(function=function) if function == PHASE_ONE:
                    return request
                case _:
                    raise MalformedError(f"{type(request).__name__} at the start of a login")

    async def _send_protocol(self) -> None:
        out = Writer()
        write_protocol(out, self.persona)
        await self.connection.send(out.done(), ends_response=False)

    async def _send_data_types(self, request: DataTypesRequest) -> None:
        self._negotiate(request)
        out = Writer()
        write_data_types(out, request)
        await self.connection.send(out.done(), ends_response=False)

    def _negotiate(self, request: DataTypesRequest) -> None:
        self.field_version = negotiated_field_version(self.persona, request.compile_capabilities)

    def opening(self) -> Writer:
        """In a fast login the answers to the three messages travel together."""
        out = Writer()
        if self._data_types:
            write_protocol(out, self.persona)
            write_data_types(out, self._data_types)
            self._data_types = None
        return out

    async def _send_challenge(self, exchange: KeyExchange, sequence: int) -> None:
        out = self.opening()
        write_parameters(
            out,
            [
                ("AUTH_SESSKEY", _hex(exchange.challenge), 0),
                ("AUTH_VFR_DATA", _hex(exchange.salt), VERIFIER_TYPE),
                ("AUTH_PBKDF2_CSK_SALT", _hex(exchange.session_salt), 0),
                ("AUTH_PBKDF2_VGEN_COUNT", str(GENERATION_ROUNDS), 0),
                ("AUTH_PBKDF2_SDER_COUNT", str(SESSION_ROUNDS), 0),
            ],
        )
        write_status(out, Ending(sequence=sequence))
        await self.finish(out)

    def _logged_in(self, account: Account, session_key: bytes, proof: AuthRequest) -> LoggedIn:
        known = self.login
        login = Login(
            service=known.service,
            mode=proof.mode,
            sid=known.sid,
            serial=known.serial,
            program=proof.pairs.get("AUTH_PROGRAM_NM", known.program),
            machine=proof.pairs.get("AUTH_MACHINE", known.machine),
            terminal=proof.pairs.get("AUTH_TERMINAL", ""),
            os_user=proof.pairs.get("AUTH_SID", known.os_user),
            process=proof.pairs.get("AUTH_PID", ""),
        )
        zone = _time_zone(proof.pairs.get("AUTH_ALTER_SESSION", ""))
        return LoggedIn(account, login, session_key, self.field_version, proof.sequence, zone)

    async def send_welcome(self, entry: LoggedIn) -> None:
        out = Writer()
        if entry.account.status is AccountStatus.EXPIRING:
            write_warning(out, _EXPIRING)
        pairs = _session_facts(self.backend, entry)
        write_parameters(out, [(key, value, 0) for key, value in pairs])
        write_status(out, Ending(sequence=entry.sequence))
        await self.finish(out)

    async def send_refusal(self, error: OracleError) -> None:
        out = self.opening()
        write_error(out, failed(error, Ending()), self.field_version)
        await self.finish(out)

    async def finish(self, out: Writer) -> None:
        if self.persona.end_of_response:
            write_end_of_response(out)
        await self.connection.send(out.done())


def _checked(exchange: KeyExchange, proof: AuthRequest, account: Account | None) -> bytes | None:
    """The session key if the password was right; a locked account is refused either way."""
    if account and account.status is AccountStatus.LOCKED:
        raise _LOCKED
    half = proof.secret("AUTH_SESSKEY")
    if len(half) % 16 or not half:
        raise MalformedError("no session key in the second phase of a login")
    session_key = exchange.session_key(half)
    speedy = proof.secret("AUTH_PBKDF2_SPEEDY_KEY")
    return session_key if exchange.accepts(session_key, speedy) else None


def _session_facts(backend: Backend, entry: LoggedIn) -> Sequence[tuple[str, str]]:
    login = entry.login
    return [
        ("AUTH_VERSION_NO", str(encode_release(backend.release))),
        ("AUTH_SESSION_ID", str(login.sid)),
        ("AUTH_SERIAL_NUM", str(login.serial)),
        ("AUTH_SVR_RESPONSE", _hex(server_proof(entry.session_key))),
        ("AUTH_SC_DBUNIQUE_NAME", backend.db_name),
        ("AUTH_SC_REAL_DBUNIQUE_NAME", backend.unique_name),
        ("AUTH_SC_DB_DOMAIN", backend.db_domain),
        ("AUTH_SC_SERVICE_NAME", login.service),
        ("AUTH_INSTANCENAME", backend.instance_name),
        ("AUTH_DBNAME", backend.container_name(login.service)),
        ("AUTH_MAX_OPEN_CURSORS", str(_MAX_OPEN_CURSORS)),
        ("AUTH_MAX_IDEN_LENGTH", str(_MAX_IDENTIFIER)),
    ]


def _time_zone(statement: str) -> str | None:
    parts = statement.split("'")
    return parts[1] if len(parts) > 2 and "TIME_ZONE" in parts[0].upper() else None  # one literal


def _hex(data: bytes) -> str:
    return data.hex().upper()
