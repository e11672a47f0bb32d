"""Which HTTP proxy a request takes, if any: the setting, else the environment; plain HTTP never takes one."""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit

from agent.way import Way
from common.errors import ConfigurationError

NONE = "none"
_VARIABLES = ("https_proxy", "HTTPS_PROXY")
HTTPS_PORT = 443
_MAX_LOGIN = 1024


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where it is, without a login, and what goes into `Proxy-Authorization`."""

    url: str
    authorization: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str] | None:
        return {"Proxy-Authorization": self.authorization} if self.authorization else None


def choose(way: Way, url: str, environment: Mapping[str, str] = os.environ) -> Proxy | None:
    """The proxy on the way to `url`: `proxy` before HTTPS_PROXY and NO_PROXY; None: straight."""
    if urlsplit(url).scheme != "https" or way.proxy == NONE:
        return None
    if way.proxy:
        return Proxy(way.proxy, _login_of_file(way.proxy_login_file))
    return _of_environment(way, url, environment)


def usable_proxy(text: str) -> str:
    """`none` or `http://host:port`; a login has no place in it."""
    if text in {"", NONE}:
        return text
    parts = urlsplit(text)
    if parts.username is not None or parts.password is not None:
        raise ValueError("it holds a login; expected http://host:port, and the login in the file of proxy_login_file")
    if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"`{text}`; expected http://host:port, or none")
    return f"http://{_host_and_port(text)}"


def _of_environment(way: Way, url: str, environment: Mapping[str, str]) -> Proxy | None:
    given = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    if not given or _bypassed(url, environment):
        return None
    parts = urlsplit(given if "://" in given else f"http://{given}")
    if parts.scheme != "http" or not parts.hostname:
        raise ConfigurationError("HTTPS_PROXY: expected http://host:port, which is how the proxy itself is spoken to")
    authorization = _login_of_file(way.proxy_login_file)
    if not authorization and parts.username is not None:
        authorization = _basic(f"{unquote(parts.username)}:{unquote(parts.password or '')}")
    return Proxy(f"http://{_host_and_port(parts.geturl())}", authorization)


def _bypassed(url: str, environment: Mapping[str, str]) -> bool:
    listed = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or HTTPS_PORT
    entries = (entry.strip().lower() for entry in listed.split(","))
    return any(_covers(entry, host, port) for entry in entries if entry)


def _covers(entry: str, host: str, port: int) -> bool:
    """`*`, a name and all below it, an address or a network; a port after it counts for that port alone."""
    if entry == "*":
        return True
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        pass
    name, colon, only = entry.rpartition(":")
    if colon and only.isdecimal() and name:
        return only == str(port) and _covers(name, host, port)
    bare = entry.removeprefix("*").removeprefix(".")
    return host == bare or host.endswith(f".{bare}")


def _host_and_port(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _login_of_file(path: str) -> str:
    if not path:
        return ""
    try:
        login = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise ConfigurationError(f"proxy_login_file: `{path}` cannot be read ({reason})") from None
    if ":" not in login or "\n" in login or len(login) > _MAX_LOGIN:
        raise ConfigurationError(f"proxy_login_file: `{path}`; expected one line, user:password")
    return _basic(login)


def _basic(login: str) -> str:
    return f"Basic {base64.b64encode(login.encode()).decode()}"
