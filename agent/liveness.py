"""By when each part of the agent has to have come round, and what the service manager shows of it."""

from agent.status import Status
from common import systemd

SPOOL_S = 30.0
TICK_S = 180.0
VISIT_S = 3600.0
"""The longest that a visit may take: every statement has a limit of its own, and they run one after another."""
SILENT_S = 600.0


def heartbeat_s(every_s: float) -> float:
    """Two may be late, and a minute for a disk that is slow."""
    return 2 * every_s + 60


class Shown:
    """Tells the service manager when the line has changed."""

    def __init__(self) -> None:
        self._line = ""

    def show(self, status: Status) -> None:
        new = line(status)
        if new != self._line:
            systemd.status(new)
            self._line = new


def line(status: Status) -> str:
    """What `systemctl status` shows. It changes when something happens, not with every record."""
    count = len(status.connections)
    down = sum(connection.reachable is False for connection in status.connections)
    parts = [f"{count} connection{'' if count == 1 else 's'}" + (f", {down} not reachable" if down else "")]
    parts.append(_acknowledged(status))
    if status.problems:
        parts.append(f"problems: {', '.join(text.partition(':')[0] for text in status.problems)}")
    return "; ".join(parts)


def _acknowledged(status: Status) -> str:
    if status.last_ack_at is None:
        return "the collector has acknowledged nothing yet"
    silent = (status.at - status.last_ack_at).total_seconds()
    if silent < SILENT_S:
        return "the collector acknowledges"
    return f"the collector has acknowledged nothing since {status.last_ack_at:%Y-%m-%d %H:%M} UTC"
