"""Answers the messages of one session, in the session's own thread."""

from dataclasses import dataclass

from tests.standins.oracle.binds import UnsupportedError
from tests.standins.oracle.codec import Writer
from tests.standins.oracle.columns import UnencodableError
from tests.standins.oracle.execution import Execution
from tests.standins.oracle.lobrequests import LobRequest
from tests.standins.oracle.lobs import answer_lob_request
from tests.standins.oracle.piggybacks import CancelCursors, CloseCursors, FreeLobs, Piggyback, SetAttributes
from tests.standins.oracle.requests import Execute, Fetch, Message, Reexecute, Simple
from tests.standins.oracle.responses import (
    Ending,
    failed,
    write_end_of_response,
    write_error,
    write_status,
)
from tests.standins.oracle.types import OracleError, SqlSession


def not_done(what: object) -> OracleError:
    """An error that keeps the session alive, unlike ORA-00600, which the drivers take for its end."""
    return OracleError(3001, f"unimplemented feature: {what}")


@dataclass(frozen=True)
class Calls:
    execution: Execution
    end_of_response: bool

    @property
    def sql(self) -> SqlSession:
        return self.execution.sql

    def handle(self, message: Message) -> bytes:
        """Answer one message; an error of the database is an answer like any other."""
        out = Writer()
        ending = Ending(sequence=message.sequence)
        try:
            for piggyback in message.piggybacks:
                self._take(piggyback)
            self._answer(out, message, ending)
        except OracleError as error:
            return self._failure(error, message, ending)
        except (UnsupportedError, UnencodableError) as error:
            return self._failure(not_done(error), message, ending)
        return self._ended(out)

    def refuse(self, error: OracleError) -> bytes:
        """Answer something that never became a message."""
        out = Writer()
        write_error(out, failed(error, Ending()), self.execution.field_version)
        return self._ended(out)

    def _ended(self, out: Writer) -> bytes:
        if self.end_of_response:
            write_end_of_response(out)
        return out.done()

    def _failure(self, error: OracleError, message: Message, ending: Ending) -> bytes:
        cursor_id = getattr(message.request, "cursor_id", 0)
        out = Writer()
        final = failed(error, self._now(ending, cursor_id))
        write_error(out, final, self.execution.field_version)
        return self._ended(out)

    def _now(self, ending: Ending, cursor_id: int = 0) -> Ending:
        return Ending(
            sequence=ending.sequence,
            in_transaction=self.sql.in_transaction,
            cursor_id=cursor_id,
        )

    def _take(self, piggyback: Piggyback) -> None:
        match piggyback:
            case CloseCursors(ids):
                for number in ids:
                    self.execution.cursors.close(number)
            case CancelCursors(ids):
                for number in ids:
                    self.execution.cursors.cancel(number)
            case SetAttributes(values):
                for name, value in values:
                    self.sql.set_attribute(name, value)
            case FreeLobs(locators):
                self.execution.lobs.free(locators)

    def _answer(self, out: Writer, message: Message, ending: Ending) -> None:
        match message.request:
            case Execute() as request:
                self.execution.execute(out, request, ending)
            case Reexecute() as request:
                self.execution.reexecute(out, request, ending)
            case Fetch() as request:
                self.execution.fetch(out, request, ending)
            case LobRequest() as request:
                answer_lob_request(out, request, self.execution.lobs)
                write_status(out, self._now(ending))
            case request:
                if isinstance(request, Simple):
                    self._end_transaction(request)
                write_status(out, self._now(ending))

    def _end_transaction(self, request: Simple) -> None:
        if request is Simple.COMMIT:
            self.sql.commit()
        elif request in {Simple.ROLLBACK, Simple.LOGOFF}:
            self.sql.rollback()
