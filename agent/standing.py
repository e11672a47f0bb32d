"""What it means here that the collector takes this machine for a clone."""

from pathlib import Path

from agent.host_id import forget_parked, is_parked, note_parked
from agent.link import Link
from agent.problems import Problems
from common import logs

log = logs.get("agent")

_TOPIC = "identity"
_TEXT = (
    "another machine speaks as this agent, and the collector has parked this one: records stay in the spool. Either "
    "`fieldpost-agent enroll --new-key` with a fresh token makes it an agent of its own, or an operator accepts it"
)


def follow(link: Link, state_dir: Path, problems: Problems) -> None:
    """Show it for as long as it is so, over restarts too."""

    def changed(parked: bool) -> None:  # noqa: FBT001 - the link calls it
        problems.update(_TOPIC, _TEXT if parked else "")
        try:
            if parked:
                note_parked(state_dir, link.identity.origin.instance)
            else:
                forget_parked(state_dir)
        except OSError as error:  # the next start is then judged anew
            log.warning("whether this machine is parked cannot be kept", reason=error.strerror)

    link.on_parked = changed
    if is_parked(state_dir):
        link.parked = True
        changed(parked=True)
