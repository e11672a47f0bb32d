"""Every request of a key or token as an entry of its tenant's activity log."""

from starlette.types import Scope

from collector.api.family import Caller
from collector.api.journal import Journal
from collector.domain.activity.store import Entry
from common.clock import utc_now

_TOO_MANY = 429
_LONGEST = 200
_MOST = 10_000
_MINUTE = 60


class Requests:
    """Notes what was asked and answered; of what is over a key's limit, one request a minute stands for all."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._refused: dict[str, int] = {}

    def note(self, caller: Caller, scope: Scope, status: int) -> None:
        now = utc_now()
        if status == _TOO_MANY and not self._is_first(caller.credential, int(now.timestamp()) // _MINUTE):
            return
        path = str(scope.get("raw_path", b"").partition(b"?")[0], "ascii", "replace")[:_LONGEST]
        properties = {"method": scope["method"], "path": path, "status": status, "key": caller.credential}
        self._journal.note(caller.tenant, Entry("api_request", properties, now, path))

    def _is_first(self, credential: str, minute: int) -> bool:
        if self._refused.get(credential) == minute:
            return False
        if len(self._refused) >= _MOST:
            self._refused.clear()
        self._refused[credential] = minute
        return True
