"""Keeps the server's certificate and its own CA fresh while it serves, without a restart."""

import asyncio
from collections.abc import Callable

from collector.core import certificates, succession, tls
from collector.core.certificates import Announced, Files
from collector.core.database import Database
from collector.core.metrics import Metrics
from collector.core.problems import StoreUnavailable
from collector.core.settings import Settings
from collector.core.succession import Step
from collector.core.tls import ServerTls
from collector.domain.agents import trusting
from common import logs
from common.clock import utc_now

LOOK_SECONDS = 60.0
RENEW_SECONDS = 3600.0

log = logs.get(__name__)


class Renewing:
    """What the server shows and what agents are to trust; `own` where the CA is the collector's own."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._asked = asyncio.Event()
        self._own = None
        if settings.tls == "auto":
            self._own = certificates.ensure(settings.tls_dir, settings.server_names, utc_now())
            self._announced = certificates.announced(self._own)
        files = tls.sources(settings)
        self.tls = ServerTls(files) if files else None
        if self.tls is not None:
            _watch(metrics, self.tls, self._own)

    @property
    def ca(self) -> Callable[[], Announced] | None:
        """What agents are told to trust; None where the CA is somebody else's."""
        return (lambda: self._announced) if self._own else None

    def ask(self) -> None:
        """Look at the files at once: SIGHUP."""
        self._asked.set()

    async def run(self, db: Database) -> None:
        """For ever; files are looked at every minute, what is our own every hour."""
        loop = asyncio.get_running_loop()
        renew_at = loop.time() + RENEW_SECONDS
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._asked.wait()
            except TimeoutError:
                pass
            asked = self._asked.is_set()
            self._asked.clear()
            try:
                if asked or loop.time() >= renew_at:
                    renew_at = loop.time() + RENEW_SECONDS
                    await self._renew(db)
                self._look()
            except (OSError, ValueError) as error:  # a full disk, a file that somebody spoilt: serving goes on
                log.warning("certificates stay as they are", reason=str(error), folder=str(self._settings.tls_dir))

    def _look(self) -> None:
        if self._own is not None:
            found = certificates.announced(self._own)
            if found != self._announced:
                self._announced = found
                log.info("agents are told which authorities to trust", pin=found.pin, mark=found.mark)
        if self.tls is not None:
            self.tls.look()

    async def _renew(self, db: Database) -> None:
        if self._own is None:
            return
        now = utc_now()
        certificates.ensure(self._settings.tls_dir, self._settings.server_names, now)
        try:
            known = await db.read(trusting.trusts)
        except StoreUnavailable as trouble:
            log.warning("the next CA has to wait for the database", why=trouble.why)
            return
        step = due(self._own, known)
        if step is not None:
            take(self._own, step, self._settings)


def due(files: Files, known: list[succession.Trust]) -> Step | None:
    """The step that the CA is to take now."""
    now = utc_now()
    stage = certificates.stage(files)
    since = {"settled": lambda _: now, "announced": certificates.begun_at, "moved": certificates.moved_at}[stage](files)
    behind = left_behind(files, known) if stage == "announced" else []
    ends = certificates.valid_until(files.ca.read_bytes())
    return succession.due(stage, ca_ends=ends, since=since, left_behind=len(behind), now=now)


def left_behind(files: Files, known: list[succession.Trust]) -> list[str]:
    """The agents that a move to the next CA would cut off."""
    current, following = (certificates.pin(path.read_bytes()) for path in (files.ca, files.next_ca))
    return succession.left_behind(known, current=current, following=following)


def take(files: Files, step: Step, settings: Settings) -> None:
    now = utc_now()
    match step:
        case "begin":
            certificates.begin(files, now)
        case "move":
            certificates.move(files, settings.server_names, now)
        case "drop":
            certificates.drop(files)
    log.info("own CA", step=step, pin=certificates.announced(files).pin)


def _watch(metrics: Metrics, server: ServerTls, own: Files | None) -> None:
    metrics.watch("certificate_days_left", "Days until the server's certificate ends.", server.days_left)
    metrics.watch("tls_handshakes_failed", "Connections that got no further than TLS.", lambda: server.failed)
    if own is not None:
        metrics.watch("ca_days_left", "Days until the collector's own CA ends.", lambda: _days_left(own))


def _days_left(files: Files) -> float:
    return (certificates.valid_until(files.ca.read_bytes()) - utc_now()).total_seconds() / 86_400
