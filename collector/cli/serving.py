"""The process behind `serve`: HTTP(S), background work and the control socket."""

import asyncio
import faulthandler
import logging
import resource
import signal
import socket
from asyncio.sslproto import SSLProtocol
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import typer
import uvicorn

from collector import checkpoints, liveness, migrations, worker
from collector.api.agents.changes import Changes
from collector.api.counting import Counting
from collector.app import create_app
from collector.cli import control, figures
from collector.cli.leaving import Leaving
from collector.cli.protocol import Protocol
from collector.cli.renewing import Renewing
from collector.core import garbage, heap, pooling, setup_code, sqlite_library
from collector.core.database import Database
from collector.core.ending import all_ended
from collector.core.metrics import Metrics
from collector.core.problems import StoreUnavailable
from collector.core.settings import Settings
from collector.core.tenancy import for_everybody
from collector.core.tls import ServerTls
from collector.core.vault import SealBroken, Vault
from collector.delivery import setup
from collector.domain.access import founding, sealing
from collector.filling import Filling
from common import logs, systemd
from common.errors import ConfigurationError
from common.identity import PrivateKey
from common.liveness import Liveness, watch

_TLS_BUFFER = 16 * 1024  # the most that TLS puts into one record; asyncio would hold 256 KiB for each connection
_FINISH_SECONDS = 10  # for requests that are under way when nobody else can come any more
_KEEP_ALIVE_SECONDS = 75  # longer than a heartbeat, so that agents keep their connection
_PATIENCE_SECONDS = 5.0  # for what runs beside the server: deliveries finish what is under way
_RETRY_SECONDS = 3.0
_STOP_SECONDS = 30.0  # what the service manager allows for a stop without any grace

log = logs.get(__name__)


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    faulthandler.enable()  # the watchdog's SIGABRT then leaves in the journal where it hung
    logs.configure(level=settings.log_level, form=settings.log_format)
    for chatty in ("uvicorn", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    _allow_many_connections()
    SSLProtocol.max_size = _TLS_BUFFER
    return asyncio.run(_Collector(settings).run())


class _Collector:
    """One serving process, from opening the database to closing it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._failed = False
        self._alive = Liveness()

    async def run(self) -> int:
        settings = self._settings
        metrics = Metrics()
        renewing = Renewing(settings, metrics)
        listener = _bound(settings)
        starting = asyncio.create_task(liveness.ask_for_time())
        db = Database.open(settings.store_url)
        sqlite_library.announce(db.name, metrics)
        try:
            await _migrate(db)
            await _check_vault(settings, db)
            await _wait_for_set_up(settings, db)
            changes = Changes(db)
            filling = Filling(db, settings.disk_terms, metrics)
            app = create_app(settings, db, changes=changes, ca=renewing.ca, metrics=metrics, shortage=filling.shortage)
            leaving = _Leave(Leaving(app), changes, settings.stop_grace_s)
            server = _Server(_config(settings, leaving.app, renewing.tls), leaving, renewing.ask)
            garbage.settle()
            async with self._beside(db, server, metrics, renewing, filling):
                starting.cancel()
                await server.serve(sockets=[listener])
        finally:
            starting.cancel()
            listener.close()
            await db.close()
            settings.control_socket.unlink(missing_ok=True)
        log.info("stopped")
        return 1 if self._failed else 0

    @asynccontextmanager
    async def _beside(
        self, db: Database, server: "_Server", metrics: Metrics, renewing: Renewing, filling: Filling
    ) -> AsyncIterator[None]:
        """Everything that runs beside the server; when one of them fails, the process ends and is started anew."""
        commands = await control.listen(db, self._settings.control_socket)
        with for_everybody("background work"):
            tasks = [
                asyncio.create_task(worker.work(db, self._settings, self._turned("worker")), name="worker"),
                *(
                    asyncio.create_task(work, name=name)
                    for name, work in setup.beside(self._settings, db, metrics, self._turned)
                ),
                asyncio.create_task(filling.run(), name="filling"),
                asyncio.create_task(checkpoints.keep(db, _checkpoint_key(self._settings)), name="checkpoints"),
                asyncio.create_task(self._figures(db, metrics), name="metrics"),
                asyncio.create_task(renewing.run(db), name="certificates"),
                asyncio.create_task(heap.keep_small(), name="memory"),
                asyncio.create_task(liveness.probe(db, self._alive, well="serving"), name="probe"),
                asyncio.create_task(watch(self._alive, every_s=systemd.watchdog_seconds()), name="watchdog"),
            ]
        for task in tasks:
            task.add_done_callback(lambda done: self._ended(done, server))
        try:
            yield
        finally:
            await all_ended(tasks, patience_s=_PATIENCE_SECONDS)
            commands.close()
            await commands.wait_closed()

    def _turned(self, name: str) -> Callable[[], None]:
        """What background work calls each time that it comes round."""
        return partial(self._alive.beat, name, within_s=liveness.TURN_S + self._settings.sweep_s)

    async def _figures(self, db: Database, metrics: Metrics) -> None:
        listen = self._settings.metrics_listen
        if listen:
            await figures.serve(listen, metrics, Counting(db, metrics))

    def _ended(self, task: "asyncio.Task[None]", server: "_Server") -> None:
        if task.cancelled() or task.exception() is None:
            return
        log.error("background task failed", task=task.get_name(), exc_info=task.exception())
        self._failed = True
        server.stop()


@dataclass(frozen=True, slots=True)
class _Leave:
    """What happens before nobody can come any more: who chooses between replicas has `grace_s` to notice."""

    app: Leaving
    changes: Changes
    grace_s: float
    at_once: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        systemd.notify(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={round((self.grace_s + _STOP_SECONDS) * 1_000_000)}")
        log.info("stopping", grace_s=self.grace_s)
        self.app.begin()

    async def wait(self) -> None:
        try:
            async with asyncio.timeout(self.grace_s):
                await self.at_once.wait()
        except TimeoutError:
            return


class _Server(uvicorn.Server):
    """uvicorn, told about signals by us: waiting agents are let go first, and the database is closed afterwards."""

    def __init__(self, config: uvicorn.Config, leave: _Leave, reload: Callable[[], None]) -> None:
        super().__init__(config)
        self._leave = leave
        self._reload = reload
        self._stopping: asyncio.Task[None] | None = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        yield
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit:
            return
        where = _where(self.servers[0].sockets[0], "https" if self.config.is_ssl else "http")
        log.info("listening", url=where)
        typer.echo(f"listening on {where}")
        systemd.notify("READY=1\nSTATUS=serving")

    def stop(self) -> None:
        """Wait until nobody chooses us, finish what is under way, and end; each further time it is done sooner."""
        if self._stopping is None:
            self._leave.begin()
            self._stopping = asyncio.get_running_loop().create_task(self._stop())
        elif not self.should_exit:
            self._leave.at_once.set()
        else:
            self.force_exit = True

    async def _stop(self) -> None:
        await self._leave.wait()
        self.should_exit = True
        await self._leave.changes.stop()


def _where(listener: socket.socket, scheme: str) -> str:
    name = listener.getsockname()
    return f"unix:{name}" if isinstance(name, str) else f"{scheme}://{name[0]}:{name[1]}"


def _config(settings: Settings, app: object, tls: ServerTls | None) -> uvicorn.Config:
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI application; uvicorn's own type for it is narrower
        host=settings.listen,
        port=settings.port,
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_FINISH_SECONDS,
        ssl_context_factory=(lambda *_: tls.context) if tls else None,
    )
    config.load()
    return config


def _bound(settings: Settings) -> socket.socket:
    """The listening socket. Its protocol is named because asyncio sets TCP_NODELAY only where it is."""
    if settings.listen_path:
        return _bound_path(settings.listen_path)
    family = socket.AF_INET6 if ":" in settings.listen else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.listen, settings.port))
    except OSError as error:
        listener.close()
        where = f"listen: {settings.listen}, port: {settings.port}: {error.strerror}"
        raise ConfigurationError(f"{where}; expected an address of this host and a free port") from None
    listener.setblocking(False)
    return listener


def _bound_path(path: Path) -> socket.socket:
    """A socket that the reverse proxy reaches by its group."""
    if _is_served(path):
        raise ConfigurationError(f"listen: unix:{path}: another process listens there; expected a path of its own")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        path.chmod(0o660)
    except OSError as error:
        listener.close()
        where = f"listen: unix:{path}: {error.strerror or error}"
        raise ConfigurationError(f"{where}; expected a path in a folder that may be written to") from None
    listener.setblocking(False)
    return listener


def _is_served(path: Path) -> bool:
    """Whether somebody answers there; what a killed process left behind does not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


def _checkpoint_key(settings: Settings) -> PrivateKey:
    return checkpoints.key_of(Vault.of_file(settings.vault_path))


async def _migrate(db: Database) -> None:
    """Wait for the database, then bring its schema up to date."""
    while True:
        try:
            await pooling.guard(db)
            found = await db.write(migrations.upgrade)
        except StoreUnavailable as trouble:
            systemd.status(f"waiting for the database: {trouble.why}")
            log.warning("waiting for the database", why=trouble.why, detail=trouble.detail)
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            if found.newer:
                log.warning("a newer version upgraded the database", found=found.found, newest=found.newest)
            return


async def _check_vault(settings: Settings, db: Database) -> None:
    """Replicas share the key; one that comes with another would store what the others cannot read."""
    try:
        await db.write(sealing.check, Vault.of_file(settings.vault_path))
    except SealBroken:
        raise ConfigurationError(
            f"vault_key_file: `{settings.vault_path}` is not the key that this database's secrets are sealed under;"
            " expected a copy of that of the other replicas, or of the backup (lost for good: `signing-key begin-anew`)"
        ) from None


async def _wait_for_set_up(settings: Settings, db: Database) -> None:
    """A collector without a tenant is set up by whoever can read the code in this file; the code is never logged."""
    if not await db.read(founding.is_new):
        setup_code.forget(settings.setup_code_path)
        return
    secret = Vault.of_file(settings.vault_path).derive("setup code")  # the same at every replica
    setup_code.ensure(settings.setup_code_path, secret)
    log.info("there is no tenant yet: set it up at /ui/setup", code_in=str(settings.setup_code_path))


def _allow_many_connections() -> None:
    """Each waiting agent is an open file."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
