"""Hangs the function table into an SQLite connection, and keeps the Oracle error that a function raised."""

import sqlite3
from collections.abc import Callable
from typing import Any

from tests.standins.oracle.engine import functions
from tests.standins.oracle.engine.functions.aggregates import AGGREGATES, Aggregate
from tests.standins.oracle.engine.functions.context import SessionContext
from tests.standins.oracle.engine.functions.operators import OPERATORS, RAW_OPERATORS
from tests.standins.oracle.engine.functions.registry import FUNCTIONS, Function
from tests.standins.oracle.engine.values import Stored, decode, encode
from tests.standins.oracle.types import OracleError

assert functions is not None  # imported for what it enters into the table


class Trap:
    """SQLite says only that a function failed; the error itself waits here."""

    def __init__(self) -> None:
        self.error: OracleError | None = None

    def take(self) -> OracleError | None:
        error, self.error = self.error, None
        return error


def install(connection: sqlite3.Connection, session: SessionContext, trap: Trap) -> None:
    for name, implementation in OPERATORS.items():
        connection.create_function(name, -1, _decoded(implementation, trap))
    for name, implementation in RAW_OPERATORS.items():
        connection.create_function(name, -1, _guarded(implementation, trap))
    for function in FUNCTIONS.values():
        name = f"f_{function.name.replace('.', '_')}"
        connection.create_function(name, -1, _bound(function, session, trap))
    for name, aggregate in AGGREGATES.items():
        connection.create_window_function(name, -1, _trapped(aggregate, trap))


def _guarded(implementation: Callable[..., Any], trap: Trap) -> Callable[..., Any]:
    def call(*arguments: Stored) -> Any:
        try:
            return implementation(*arguments)
        except OracleError as error:
            trap.error = error
            raise

    return call


def _decoded(implementation: Callable[..., Any], trap: Trap) -> Callable[..., Stored]:
    def call(*arguments: Stored) -> Stored:
        if None in arguments:
            return None
        try:
            return encode(implementation(*map(decode, arguments)))
        except OracleError as error:
            trap.error = error
            raise

    return call


def _bound(function: Function, session: SessionContext, trap: Trap) -> Callable[..., Stored]:
    implementation = function.implementation
    if function.session:
        implementation = _with_session(implementation, session)
    if function.nulls:
        return _guarded(lambda *arguments: encode(implementation(*map(decode, arguments))), trap)
    return _decoded(implementation, trap)


def _with_session(implementation: Callable[..., Any], session: SessionContext) -> Callable[..., Any]:
    return lambda *arguments: implementation(session, *arguments)


def _trapped(aggregate: type[Aggregate], trap: Trap) -> type:
    class Trapped(aggregate):  # type: ignore[misc,valid-type]  # a class made for this connection
        pass

    for name in ("step", "inverse", "value", "finalize"):
        setattr(Trapped, name, _guarded_method(getattr(aggregate, name), trap))
    return Trapped


def _guarded_method(method: Callable[..., Any], trap: Trap) -> Callable[..., Any]:
    def call(self: Aggregate, *arguments: Stored) -> Any:
        try:
            return method(self, *arguments)
        except OracleError as error:
            trap.error = error
            raise

    return call
