"""The agent's side of the child process that describes and switches; `AskingError` when nothing came of it."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import msgspec

from agent.aws.child import AskingError, answers_of
from agent.aws.messages import Ended, Failed
from agent.power.messages import Answer, Looked, LookRequest, Switched, SwitchRequest
from common import logs

__all__ = ["AskingError", "look", "switch"]

log = logs.get("agent.power")
_CHILD = "agent.power.child"
_ANSWERS: "msgspec.json.Decoder[Answer]" = msgspec.json.Decoder(Answer)


async def look(request: LookRequest, early: Callable[[Looked], None] = lambda _: None) -> Looked:
    """One region as it is now. `early` hears of what there is before it is known what that is worth."""
    found: Looked | None = None
    async with aclosing(answers_of(_CHILD, request, _ANSWERS.decode)) as answers:
        async for message in answers:
            if isinstance(message, Failed):
                raise AskingError(message.reason)
            if isinstance(message, Looked) and message.early:
                early(message)
            elif isinstance(message, Looked):
                found = message
            elif isinstance(message, Ended) and found is not None:
                _tell("looked", message)
                return found
    raise AskingError("the look ended without a last word")


async def switch(request: SwitchRequest) -> AsyncGenerator[Switched, None]:
    """What AWS said to each call, as soon as it is known; to be closed by whoever stops listening."""
    async with aclosing(answers_of(_CHILD, request, _ANSWERS.decode)) as answers:
        async for message in answers:
            if isinstance(message, Failed):
                raise AskingError(message.reason)
            if isinstance(message, Switched):
                yield message
            elif isinstance(message, Ended):
                _tell("switched", message)
                return
    raise AskingError("the switching ended without a last word")


def _tell(what: str, ended: Ended) -> None:
    log.debug(what, calls=ended.api_calls, peak_mib=ended.peak_rss_mib)
