"""What can go wrong on purpose, per service."""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field


class FaultKind(enum.Enum):
    SILENT = "silent"  # the listener takes the connection and says nothing
    REFUSE = "refuse"  # the listener refuses with this code
    SLOW_LOGIN = "slow-login"  # seconds before the password is looked at
    MUTE = "mute"  # logs in, then never answers
    ERROR = "error"  # CODE@K: this error on the K-th execute of each session
    DROP_FETCH = "drop-fetch"  # K: the socket goes in the middle of the K-th answer with rows
    FREEZE = "freeze"  # K: from the K-th execute on no answer, not even to a break
    SLOW_QUERY = "slow-query"  # SECONDS,REGEX: statements that match take so long, breaks are heard


@dataclass(frozen=True)
class Fault:
    kind: FaultKind
    code: int = 0
    on: int = 1  # the how manyth
    seconds: float = 0
    pattern: re.Pattern[str] = field(default=re.compile(""))


class Faults:
    """Settable while the server runs: the next connection or call meets what is set then."""

    def __init__(self) -> None:
        self._by_service: dict[str, tuple[Fault, ...]] = {}

    def set(self, service: str, *faults: Fault) -> None:
        """Replace the faults of a service; with none given it is healthy again."""
        self._by_service[service.lower()] = faults

    def add(self, service: str, fault: Fault) -> None:
        self._by_service[service.lower()] = (*self.of(service), fault)

    def clear(self) -> None:
        self._by_service.clear()

    def of(self, service: str) -> tuple[Fault, ...]:
        return self._by_service.get(service.lower(), ())

    def find(self, service: str, kind: FaultKind) -> Fault | None:
        return next((fault for fault in self.of(service) if fault.kind is kind), None)


def parse_fault(text: str) -> tuple[str, Fault]:
    """Read SERVICE:KIND[:ARGUMENT]."""
    service, _, rest = text.partition(":")
    name, _, argument = rest.partition(":")
    kinds: Mapping[str, FaultKind] = {kind.value: kind for kind in FaultKind}
    if not service or name not in kinds:
        raise ValueError(f"fault {text!r}: expected SERVICE:KIND[:ARGUMENT], KIND one of {', '.join(kinds)}")
    try:
        return service, _fault(kinds[name], argument)
    except ValueError as error:
        raise ValueError(f"fault {text!r}: the argument {argument!r} does not suit {name}") from error


def _fault(kind: FaultKind, argument: str) -> Fault:
    match kind:
        case FaultKind.REFUSE:
            return Fault(kind, code=int(argument))
        case FaultKind.SLOW_LOGIN:
            return Fault(kind, seconds=float(argument))
        case FaultKind.ERROR:
            code, _, on = argument.partition("@")
            return Fault(kind, code=int(code), on=int(on or 1))
        case FaultKind.SLOW_QUERY:
            seconds, _, pattern = argument.partition(",")
            return Fault(kind, seconds=float(seconds), pattern=re.compile(pattern, re.IGNORECASE))
        case FaultKind.DROP_FETCH | FaultKind.FREEZE:
            return Fault(kind, on=int(argument or 1))
        case FaultKind.SILENT | FaultKind.MUTE:
            if argument:
                raise ValueError(argument)
            return Fault(kind)
