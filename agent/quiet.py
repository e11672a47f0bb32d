"""The hours of the night in which heavy checks may run: `22:00-06:00`, over midnight when it ends before it starts."""

import re
from dataclasses import dataclass
from datetime import datetime, time

ALWAYS = "always"
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Window:
    """From and to on the host's clock; `start` equal to `end` is the whole day."""

    start: time = time(0)
    end: time = time(0)

    def open(self, at: datetime) -> bool:
        """Whether this instant lies in the window, in this host's local time."""
        clock = at.astimezone().time()
        if self.start == self.end:
            return True
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


def window(text: str) -> Window:
    """Read a window; ValueError says what was expected."""
    if text == ALWAYS:
        return Window()
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text}`; expected a window such as 22:00-06:00, or {ALWAYS}")
    hours, minutes, to_hours, to_minutes = map(int, match.groups())
    return Window(time(hours, minutes), time(to_hours, to_minutes))


def usable_window(text: str) -> str:
    window(text)
    return text
