"""What functions may ask of the session that runs them."""

from datetime import datetime
from typing import Protocol


class SessionContext(Protocol):
    """The running session as SQL functions see it."""

    now: datetime  # of this statement, with zone
    date_format: str
    timestamp_format: str
    timestamp_tz_format: str
    zone_name: str

    def userenv(self, parameter: str) -> str | None: ...

    def sleep(self, seconds: float) -> None: ...
