"""The child process for schedules: it describes what they may apply to, and starts and stops it. Loads boto3."""

from collections.abc import Callable

import msgspec

from agent.aws.serving import asked, say, serve
from agent.power.messages import Answer, LookRequest, Request, SwitchRequest


def main() -> None:
    request: LookRequest | SwitchRequest = msgspec.json.decode(asked(), type=Request)
    serve(request, lambda: answer(request, say), advice="let fewer schedules share a region")


def answer(request: LookRequest | SwitchRequest, to: Callable[[Answer], None]) -> int:
    """Do what is asked; how many calls to AWS it took. What switches is not loaded by what only looks."""
    if isinstance(request, LookRequest):
        from agent.power.look import look  # noqa: PLC0415 - see above

        return look(request, to)
    from agent.power.act import switch  # noqa: PLC0415 - see above

    return switch(request, to)


if __name__ == "__main__":
    main()
