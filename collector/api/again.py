"""Reads that are asked for again: what the framework made of a query is remembered, and the route called at once.

Which parameters a query means follows from its words alone, so they are looked at once for each way of asking. The
routing, the validation and the dependencies of the framework take longer than the answer does.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, Protocol

from starlette.responses import Response
from starlette.types import Scope

from collector.core.database import Database

P = ParamSpec("P")

MOST = 4096
"""Ways of asking that one family remembers."""

_Key = tuple[frozenset[str], str, bytes, bytes]


class Asker(Protocol):
    """Who asks, and what for."""

    @property
    def scopes(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class _Call:
    """A route that was reached; `given`: what the query meant, `caller` and `db`: the names of the rest."""

    route: Callable[..., Awaitable[Response]]
    given: Mapping[str, object]
    caller: str
    db: str


_Reached = tuple[Callable[..., Awaitable[Response]], Mapping[str, object]]
_reached: ContextVar[_Reached | None] = ContextVar("reached", default=None)


def again(route: Callable[P, Awaitable[Response]]) -> Callable[P, Awaitable[Response]]:
    """Mark a read whose parameters, but for the caller and the database, follow from path, query and Accept alone."""

    @wraps(route)
    async def noted(*args: P.args, **kwargs: P.kwargs) -> Response:
        _reached.set((route, kwargs))
        return await route(*args, **kwargs)

    return noted


class Again:
    """The reads of one family as they were asked for before. Scopes that once sufficed for a route always do."""

    def __init__(self, db: Database, *, most: int = MOST) -> None:
        self._db = db
        self._most = most
        self._known: dict[_Key, _Call] = {}

    def call(self, caller: Asker, scope: Scope) -> Awaitable[Response] | None:
        """The route's answer; None where this was not asked for yet."""
        known = self._known.get(_key(caller, scope))
        if known is None:
            _reached.set(None)
            return None
        return known.route(**known.given, **{known.caller: caller, known.db: self._db})

    def learn(self, caller: Asker, scope: Scope) -> None:
        """Remember the route that was reached since, if it is marked."""
        reached = _reached.get()
        if reached is None:
            return
        if len(self._known) >= self._most:
            self._known.clear()
        self._known[_key(caller, scope)] = self._call_of(*reached, caller)

    def _call_of(self, route: Callable[..., Awaitable[Response]], values: Mapping[str, object], caller: Asker) -> _Call:
        (of_caller,) = (name for name, value in values.items() if value is caller)
        (of_db,) = (name for name, value in values.items() if value is self._db)
        given = {name: value for name, value in values.items() if name not in {of_caller, of_db}}
        return _Call(route, given, of_caller, of_db)


def _key(caller: Asker, scope: Scope) -> _Key:
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    return caller.scopes, scope["path"], scope["query_string"], accept
