"""Pure: what a failed logon means, and when the next one may be tried."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Kind = Literal["listener", "service", "credentials", "instance", "network", "client"]

_CODE = re.compile(r"\b((?:ORA|DPY|TNS)-\d{4,5})\b")
_NOT_SPECIFIC = ("DPY-6005", "DPY-6000", "DPY-4011")
_REFUSED = "[errno 111] connect call failed"  # ECONNREFUSED, as asyncio says it

_KINDS: dict[str, Kind] = {
    "ORA-01017": "credentials",
    "ORA-01045": "credentials",
    "ORA-01005": "credentials",
    "ORA-28000": "credentials",
    "ORA-28001": "credentials",
    "ORA-28009": "credentials",
    "ORA-28040": "client",
    "ORA-12660": "client",
    "DPY-3001": "client",
    "DPY-3010": "client",
    "DPY-3015": "client",
    "ORA-01033": "instance",
    "ORA-01034": "instance",
    "ORA-01035": "instance",
    "ORA-01089": "instance",
    "ORA-01090": "instance",
    "ORA-12528": "instance",
    "ORA-12505": "service",
    "ORA-12514": "service",
    "DPY-6001": "service",
    "DPY-6003": "service",
    "ORA-12541": "listener",
    "ORA-12170": "network",
    "ORA-12545": "network",
    "DPY-4011": "network",
}
# The account or the instance refuses us, which says nothing of whether the database serves its users.
_NOT_AN_OUTAGE = ("ORA-01033", "ORA-01035")
RETRY_AFTER = timedelta(minutes=15)
RETRY_LOCKED_AFTER = timedelta(hours=1)


@dataclass(eq=False)
class LoginFailure(Exception):  # noqa: N818 - a value first, raised second
    """Why a logon failed: `code` as ORA-nnnnn (or DPY-nnnn), its class, and one line of text without secrets."""

    code: str
    kind: Kind
    text: str

    def __str__(self) -> str:
        return self.text if self.code in self.text else f"{self.code}: {self.text}"

    @property
    def means_down(self) -> bool:
        """Nobody gets in, as opposed to: we do not get in."""
        return self.kind not in ("credentials", "client") and self.code not in _NOT_AN_OUTAGE

    def next_try(self, at: datetime) -> datetime | None:
        """When the next logon may be tried; None: at once. Retrying ORA-01017 locks the account."""
        if self.kind != "credentials":
            return None
        return at + (RETRY_LOCKED_AFTER if self.code == "ORA-28000" else RETRY_AFTER)


def timed_out(seconds: float) -> LoginFailure:
    return LoginFailure("ORA-12170", "network", f"no answer to the logon within {seconds:g} s")


def classify(message: str) -> LoginFailure:
    """Read a driver's error message; a refused TCP connection is ORA-12541, an unknown host ORA-12545."""
    lines = message.strip().splitlines() or ["unknown error"]
    codes = _CODE.findall(message)
    known = [code for code in codes if code in _KINDS and code not in _NOT_SPECIFIC]
    lowered = message.lower()
    if known:
        return _failure(known[0], lines[0])
    if "refused" in lowered or _REFUSED in lowered:
        return LoginFailure("ORA-12541", "listener", "no listener: connection refused")
    if "name or service not known" in lowered or "getaddrinfo" in lowered or "name resolution" in lowered:
        return LoginFailure("ORA-12545", "network", "the host name cannot be resolved")
    if "timed out" in lowered or "timeout" in lowered:
        return LoginFailure("ORA-12170", "network", "the connection timed out")
    if codes and codes[0] in _NOT_SPECIFIC:  # the reason stands below
        return _failure(codes[0], lines[-1])
    return _failure(codes[0] if codes else "DPY-0000", lines[0])


def _failure(code: str, line: str) -> LoginFailure:
    synonym = {"DPY-6001": "ORA-12514", "DPY-6003": "ORA-12505"}.get(code, code)
    return LoginFailure(synonym, _KINDS.get(code, "network"), line)
