"""The way to the collector, stage by stage: proxy, name, port, TLS, who answers, clock, whether it knows us."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from agent.doctor import standing
from agent.doctor.ground import Ground, command
from agent.enrolment import CA_PATH
from agent.identity import Enrolment, load_enrolment
from agent.proxy import Proxy
from agent.route import Route, route
from agent.tls import explain
from agent.way import Way
from common import wire
from common.checkup import Finding, Look, unwell, well, within
from common.clock import utc_now
from common.errors import ConfigurationError
from common.wire import LinkError

STAGE_S = 6.0
MAX_SKEW_S = 30.0
_LONGEST = 64 * 1024
_SETTINGS = "agent.toml"
_PORTS = {"https": 443, "http": 80}
_BY_FILE = 'link = "carried"   # in agent.toml; or collector_url, where there is a network'
_PAST = 'proxy = "none"   # in agent.toml, where the collector can be reached without it'


@dataclass(frozen=True, slots=True)
class Goal:
    """Where the collector is."""

    url: str
    host: str
    port: int
    secure: bool
    route: Route

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def proxy(self) -> str:
        """Host and port of the proxy on the way; empty without one."""
        return urlsplit(self.route.proxy.url).netloc if self.route.proxy else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an unsigned question was answered with."""

    status: int
    body: bytes
    clock_s: float | None
    """How far this host's clock is ahead of the collector's."""


class _StopError(Exception):
    """The way ends here; the finding says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.detail)
        self.finding = finding


def _way(ground: Ground) -> Iterator[Finding]:
    enrolment = load_enrolment(ground.state)
    if ground.settings.link == "carried":
        yield _carried(enrolment)
        return
    url = ground.settings.collector_url or (enrolment.url if enrolment else None)
    if url == "":
        yield unwell("way-settings", "the enrolment by file names no address of the collector", _BY_FILE)
        return
    if url is None:
        yield unwell("enrolment", "this agent is not enrolled, and no collector_url is set", standing.ENROL)
        return
    try:
        goal = goal_of(url, enrolment.ca_pem if enrolment else None, ground.settings.way)
        yield from _reach(goal)
    except _StopError as end:
        yield end.finding
        return
    yield standing.known(ground, enrolment, goal.url)


def _carried(enrolment: Enrolment | None) -> Finding:
    """Nothing goes over a network: what counts is that receipts can be believed."""
    if enrolment is None:
        return unwell("enrolment", "this agent is not enrolled", command("enroll --request FILE"))
    if not enrolment.collector_key:
        detail = "this agent does not know by which key its collector signs, so that no receipt can be applied"
        return unwell("enrolment", detail, command("enroll --request FILE"))
    return well("enrolment", f"enrolled as {enrolment.agent}; records are carried, nothing tries to connect")


def goal_of(url: str, ca_pem: str | None, way: Way) -> Goal:
    """Where it is and how requests of the agent get there."""
    parts = urlsplit(url)
    try:
        chosen = route(url, ca_pem, way)
    except ConfigurationError as error:
        mend = "correct proxy, proxy_login_file, client_certificate_file or client_key_file in agent.toml"
        raise _StopError(unwell("way-settings", str(error), mend)) from None
    return Goal(url, parts.hostname or "", parts.port or _PORTS[parts.scheme], parts.scheme == "https", chosen)


# --- reaching ------------------------------------------------------------------------------------------------------


def _reach(goal: Goal) -> Iterator[Finding]:
    with closing(_connected(goal)) as line:
        via = f" through {goal.proxy}" if goal.proxy else ""
        yield well("collector-port", f"{goal.place} takes connections{via}")
        if goal.secure:
            with closing(_secured(goal, line)) as secured:
                yield well("collector-tls", f"{secured.version()}, the certificate is trusted")
                answer = _asked(goal, secured)
        else:
            answer = _asked(goal, line)
    yield _is_fieldpost(goal, answer)
    if answer.clock_s is not None:
        yield _clock(answer.clock_s)


def _connected(goal: Goal) -> socket.socket:
    if goal.route.proxy is None:
        return _dialled(goal.host, goal.port, "collector-name", "collector-port")
    there = urlsplit(goal.route.proxy.url)
    line = _dialled(there.hostname or "", there.port or _PORTS["http"], "proxy", "proxy")
    try:
        _through(goal, goal.route.proxy, line)
    except _StopError:
        line.close()
        raise
    return line


def _dialled(host: str, port: int, name_id: str, port_id: str) -> socket.socket:
    try:
        found = within(STAGE_S, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        detail = f"the name {host} cannot be resolved ({_short(error)})"
        mend = f"getent hosts {host}   # correct the name server, or add a line to /etc/hosts:\nADDRESS {host}"
        raise _StopError(unwell(name_id, detail, mend)) from None
    last: OSError = OSError("no address")
    for family, kind, protocol, _, address in found:
        line = socket.socket(family, kind, protocol)
        line.settimeout(STAGE_S)
        try:
            line.connect(address)
        except OSError as error:
            line.close()
            last = error
        else:
            return line
    raise _StopError(_not_reached(host, port, last, port_id))


def _not_reached(host: str, port: int, error: OSError, id_: str) -> Finding:
    if isinstance(error, TimeoutError):
        detail = f"{host}:{port} does not answer within {STAGE_S:g} s: a firewall drops it, or the host is down"
        return unwell(
            id_, detail, f"nc -vz -w 5 {host} {port}\nopen TCP {port} from this host to {host} in the firewall"
        )
    if isinstance(error, ConnectionRefusedError):
        detail = f"{host}:{port} refuses connections: nothing listens there"
        what = "systemctl status fieldpost-collector" if id_ == "collector-port" else f"ss -ltn 'sport = :{port}'"
        return unwell(id_, detail, f"{what}   # on {host}\nnc -vz {host} {port}   # from here")
    return unwell(id_, f"{host}:{port} cannot be reached ({_short(error)})", f"ip route get {host}")


def _short(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _through(goal: Goal, proxy: Proxy, line: socket.socket) -> None:
    """Ask the proxy for a tunnel, with the login that the agent's requests have."""
    login = f"Proxy-Authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
    asked = f"CONNECT {goal.place} HTTP/1.1\r\nHost: {goal.place}\r\n{login}\r\n"
    name = goal.proxy
    try:
        line.sendall(asked.encode())
        status, reason = _status_line(line)
    except (OSError, ValueError) as error:
        detail = f"{name} does not answer as an HTTP proxy does ({_short(error)})"
        raise _StopError(unwell("proxy", detail, f"curl -v --proxy http://{name} {goal.url}")) from None
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        detail = f"the proxy {name} wants a login (HTTP 407)" + (", and refuses the one it was given" if login else "")
        mend = f'proxy_login_file = "/etc/fieldpost-agent/proxy-login"   # user:password, mode 0600\n{_PAST}'
        raise _StopError(unwell("proxy", detail, mend))
    if status != HTTPStatus.OK:
        detail = f"the proxy {name} refuses the way to {goal.place} (HTTP {status} {reason})"
        mend = f"allow CONNECT to {goal.place} on the proxy\n{_PAST}"
        raise _StopError(unwell("proxy", detail, mend))


def _status_line(line: socket.socket) -> tuple[int, str]:
    """The status of an answer, read to the end of its head and not a byte further."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = line.recv(1)
        if not part or len(head) > _LONGEST:
            raise ValueError("no HTTP answer")
        head += part
    first = head.split(b"\r\n", 1)[0].decode(errors="replace").split(" ", 2)
    if len(first) < 2 or not first[0].startswith("HTTP/") or not first[1].isdigit():  # noqa: PLR2004 - version, status
        raise ValueError("no HTTP answer")
    return int(first[1]), first[2] if len(first) > 2 else ""  # noqa: PLR2004 - a reason may be missing


# --- TLS -----------------------------------------------------------------------------------------------------------

_EXPIRED, _NOT_YET = 10, 9  # X509_V_ERR_… of OpenSSL
_WRONG_NAME = (62, 64)


def _secured(goal: Goal, line: socket.socket) -> ssl.SSLSocket:
    try:
        return goal.route.context.wrap_socket(line, server_hostname=goal.host)
    except OSError as error:
        raise _StopError(unwell("collector-tls", f"{goal.place}: {explain(error)}", _mend(goal, error))) from None


def _mend(goal: Goal, error: OSError) -> str:
    """What to type for each way in which a handshake fails; `explain` has said which it is."""
    look = f"openssl s_client -connect {goal.place} </dev/null | openssl x509 -noout -dates -ext subjectAltName"
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f'curl -v http://{goal.place}/   # what listens there?\ncollector_url = "https://…"   # in {_SETTINGS}'
    if error.verify_code == _EXPIRED:
        return f"fieldpost-collector doctor   # on {goal.host}\n{look}\ntimedatectl   # is this host's clock right?"
    if error.verify_code == _NOT_YET:
        return f"timedatectl set-ntp true   # or: chronyc makestep\n{look}"
    if error.verify_code in _WRONG_NAME:
        return f'{look}\npublic_host = "{goal.host}"   # in the settings of the collector; restart it then'
    return f"{look}\nfieldpost-collector agent token --tenant TENANT   # there: prints the pin\n{standing.ENROL}"


# --- who answers ---------------------------------------------------------------------------------------------------


def _asked(goal: Goal, line: socket.socket) -> Answer:
    asked = f"GET {CA_PATH} HTTP/1.1\r\nHost: {goal.place}\r\nUser-Agent: fieldpost-agent\r\nConnection: close\r\n\r\n"
    try:
        sent = utc_now()
        line.sendall(asked.encode())
        with closing(http.client.HTTPResponse(line)) as answer:
            answer.begin()
            body = answer.read(_LONGEST)
            return Answer(answer.status, body, _ahead(answer.getheader("Date"), sent))
    except (OSError, http.client.HTTPException, ValueError) as error:
        detail = f"{goal.place} does not answer as a collector does ({_short(error)})"
        raise _StopError(unwell("collector-answer", detail, f"curl -kv {goal.url}{CA_PATH}")) from None


def _ahead(date: str | None, sent: datetime) -> float | None:
    if date is None:
        return None
    try:
        there = parsedate_to_datetime(date)
    except (ValueError, TypeError):
        return None
    there = there if there.tzinfo else there.replace(tzinfo=UTC)
    return (sent - there).total_seconds()


def _is_fieldpost(goal: Goal, answer: Answer) -> Finding:
    if answer.status == HTTPStatus.OK and answer.body.startswith(b"-----BEGIN CERTIFICATE-----"):
        return well("collector-answer", f"{goal.url} is a Fieldpost collector")
    try:
        wire.decode(answer.body, LinkError)
    except wire.WireError:
        detail = f"{goal.url} answers HTTP {answer.status}, and not as a Fieldpost collector does"
        mend = (
            f'curl -k {goal.url}{CA_PATH}   # what listens there?\ncorrect host and port: collector_url = "https://…"'
        )
        raise _StopError(unwell("collector-answer", detail, mend)) from None
    return well("collector-answer", f"{goal.url} is a Fieldpost collector")


def _clock(ahead: float) -> Finding:
    if abs(ahead) <= MAX_SKEW_S:
        return well("clock", f"within {MAX_SKEW_S:g} s of the collector's")
    way = "ahead of" if ahead > 0 else "behind"
    mend = "timedatectl set-ntp true   # or: chronyc makestep\ntimedatectl   # on both hosts: which of them is wrong?"
    return unwell("clock", f"this host's clock is {abs(ahead):.0f} s {way} the collector's", mend)


LOOKS = (
    Look(
        {
            "collector-name": "name of the collector",
            "collector-port": "port of the collector",
            "way-settings": "settings of the way to the collector",
            "proxy": "HTTP proxy",
            "collector-tls": "TLS of the collector",
            "collector-answer": "the collector",
            "clock": "clock",
            "enrolment": "enrolment",
        },
        _way,
        deadline_s=60.0,
    ),
)
