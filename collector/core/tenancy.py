"""For whom something is done: every query is a tenant's; the few that are not say why, and a test knows them by this.

`acting_for` and `for_everybody` say it for what follows, in this task and those that it starts. The gateway tells a
PostgreSQL server (`row_security`), which shows no row of anybody else. Where nobody has said it, it is nobody.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from inspect import isgeneratorfunction
from typing import Any, Literal, ParamSpec, TypeVar

from sqlalchemy import Connection

P = ParamSpec("P")
R = TypeVar("R")

Acting = int | Literal["*", "nobody"]
"""The number of a tenant, or `*`: all of them."""

EVERYBODY: Literal["*"] = "*"
NOBODY: Literal["nobody"] = "nobody"

_SAID = "fieldpost_acting_for"
_WHY = "across_tenants"
_acting: ContextVar[Acting] = ContextVar("acting", default=NOBODY)


def acting() -> Acting:
    """For whom this is done now."""
    return _acting.get()


@contextmanager
def acting_for(tenant_id: int) -> Iterator[None]:
    """What follows is done for this tenant."""
    token = _acting.set(tenant_id)
    try:
        yield
    finally:
        _acting.reset(token)


@contextmanager
def for_everybody(why: str) -> Iterator[None]:
    """What follows is done for all tenants, for this reason."""
    _expect_reason(why)
    token = _acting.set(EVERYBODY)
    try:
        yield
    finally:
        _acting.reset(token)


def go_on_for(tenant_id: int) -> None:
    """Within `for_everybody`: it has turned out for whom the rest is."""
    _acting.set(tenant_id)


def go_on_for_everybody() -> None:
    """For programs beside the collector that hold a database of their own: tests, proofs, measurements."""
    _acting.set(EVERYBODY)


def across_tenants(why: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a store function that does not filter on a tenant, and give the reason: it acts for everybody."""
    _expect_reason(why)

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        is_lazy = isgeneratorfunction(function)

        @wraps(function)
        def opened(*args: P.args, **kwargs: P.kwargs) -> R:
            conn = args[0]
            if not isinstance(conn, Connection) or said(conn) in {None, EVERYBODY}:
                return function(*args, **kwargs)
            if is_lazy:
                raise TypeError(f"{function.__qualname__} would read when the wall is closed again; expected a list")
            with _switched(conn):
                return function(*args, **kwargs)

        setattr(opened, _WHY, why)
        return opened

    return mark


def of(work: Callable[..., Any]) -> Acting:
    """For whom the gateway runs this: everybody, where it is marked; else whoever is acted for now."""
    while isinstance(work, partial):
        work = work.func
    return EVERYBODY if hasattr(work, _WHY) else _acting.get()


def said(conn: Connection) -> Acting | None:
    """What the server was told in this transaction; None where it need not know."""
    told: Acting | None = conn.info.get(_SAID)
    return told


def say(conn: Connection, who: Acting) -> str:
    """The words that tell the server for whom the rest of this transaction is; they go along with others."""
    conn.info[_SAID] = who
    return f"SET LOCAL fieldpost.tenant = '{who}'"


@contextmanager
def _switched(conn: Connection) -> Iterator[None]:
    """Open the wall for a marked function that one tenant's work calls, and close it behind it."""
    before = said(conn)
    conn.exec_driver_sql(say(conn, EVERYBODY))
    try:
        yield
    finally:
        if before is not None:
            words = say(conn, before)
            if _goes_on(conn):
                conn.exec_driver_sql(words)


def _goes_on(conn: Connection) -> bool:
    """A transaction that has failed takes no statement; its savepoint brings back what held before."""
    status = conn.connection.dbapi_connection
    return status is not None and status.info.transaction_status.name == "INTRANS"


def _expect_reason(why: str) -> None:
    if not why:
        raise ValueError("expected a reason")
