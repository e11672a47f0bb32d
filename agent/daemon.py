"""`fieldpost-agent run`: owns every task of the agent by name, and what the service manager wants to hear.

SIGHUP reads connections, own checks and reference data anew; SIGTERM ends everything within five seconds and leaves the
spool committed; a second SIGTERM ends the process at once.
"""

import asyncio
import faulthandler
import os
import signal
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path

import msgspec
import psutil

from agent import liveness
from agent.announcing import say_catalogue, say_inventory
from agent.aws.scanning import Scanning
from agent.checks import known
from agent.config import CONNECTIONS_FILE, load_connections
from agent.control import Handler, listening
from agent.disk import DiskThread
from agent.gate import rolled_back
from agent.host_id import origin
from agent.identity import key_made_at, load_identity, usable_state_dir
from agent.jobs import Jobs
from agent.link import Link
from agent.local import Local, read_local
from agent.memory import Grown, settle
from agent.options import Options, take
from agent.oracle.samples import FILE_NAME, Samples
from agent.power import asking
from agent.power.executor import Executor
from agent.power.ledger import FILE_NAME as LEDGER_FILE
from agent.power.ledger import Ledger
from agent.problems import Problems
from agent.quiet import window
from agent.sink import Sink
from agent.sole import AlreadyRunningError, sole_user
from agent.spool import RETRY_FILE, Limits, Spool, SpoolUnavailableError
from agent.spool_epochs import place
from agent.status import ConnectionStatus, ReferenceStatus, Status, write_status
from agent.supervisor import Start, Supervisor
from agent.waiting import wait_for
from agent.watching import Watching, catalogue_entries, oracle_watches
from agent.ways import Ways
from common import logs, systemd
from common.clock import utc_now
from common.errors import EXIT_CONFIGURATION, ConfigurationError
from common.liveness import Liveness, watch
from common.wire import Assignment, Heartbeat, Run, SpoolState

log = logs.get("agent")

FLUSH_EVERY_S = 1.0
DISK_ANSWERS_EVERY_S = 10.0
STATUS_EVERY_S = 10.0
STOP_WITHIN_S = 3.0
NOTHING_SCHEDULED_S = 3600.0
_EXIT_AT_ONCE = 128 + signal.SIGTERM


def main() -> None:
    """Run the agent until it is told to stop; `fieldpost-agent run` has become this process."""
    faulthandler.enable()  # the watchdog's SIGABRT then leaves in the journal where it hung
    try:
        options = take()
        logs.configure(level=options.log_level, form=options.log_format)
        with sole_user(usable_state_dir(options.folder)):
            asyncio.run(_main(options))
    except ConfigurationError as error:
        _end(error, EXIT_CONFIGURATION)
    except AlreadyRunningError as error:
        _end(error, 1)


def _end(error: Exception, code: int) -> None:
    logs.last_words("fieldpost-agent", str(error))
    sys.exit(code)


async def _main(options: Options) -> None:
    here = origin(options.folder)
    identity = load_identity(options.folder, url=options.collector_url, origin=here)
    connections = load_connections(options.folder / CONNECTIONS_FILE)
    disk = DiskThread()
    limits = Limits(
        max_bytes=options.spool_max_bytes,
        max_age=timedelta(seconds=options.spool_max_age_s),
        min_free=options.spool_min_free_bytes,
        carried=options.carried,
    )
    spool = await disk(Spool, options.folder, limits, place=place(boot=here.boot, host=here.host, agent=identity.agent))
    try:
        with Samples(options.folder / FILE_NAME) as samples:
            async with Link(identity, way=options.way) as link:
                local = await disk(read_local, options.folder, Path(options.config_dir))
                daemon = Daemon(options, link, spool, disk, samples=samples, local=local)
                daemon.listen()
                await daemon.start()
                await daemon.watching.apply(connections)
                settle()
                async with listening(options.folder, daemon.commands):
                    await daemon.until_stopped()
    finally:
        await disk(spool.close)
        disk.close()
    log.info("agent stopped")
    os._exit(0)  # asyncio would wait for its threads, in which a host name may hang in being resolved


class Daemon:
    """Everything that runs in one agent."""

    def __init__(
        self, options: Options, link: Link, spool: Spool, disk: DiskThread, *, samples: Samples, local: Local
    ) -> None:
        self.problems = Problems()
        self._folder = options.folder
        self._config_dir = Path(options.config_dir)
        self._link = link
        self._spool = spool
        self._disk = disk
        self._samples = samples
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._beat = asyncio.Event()
        self._scheduled = asyncio.Event()
        self._executor: Executor | None = None
        self._started_at = utc_now()
        self._version = version("fieldpost")  # reads files; what runs here stays what it was when it started
        self._alive = Liveness()
        self._alive.beat("spool", within_s=liveness.TICK_S)  # the first time may take longer
        self._alive.beat("heartbeat", within_s=liveness.TICK_S)
        self._shown = liveness.Shown()
        self._grown = Grown()
        self._last_runs: dict[str, Run] = {}
        self._sink = Sink(spool)
        self._use(local)
        self._supervisor = Supervisor(self.problems)
        self._ways = Ways(options, link, spool, disk, problems=self.problems, on_assigned=self._assigned)
        make = oracle_watches(
            samples,
            settings=lambda: self._ways.assignment.checks,
            emit=self._emit,
            clock_offset=lambda: self._link.clock_offset_s,
            local=lambda: self._local,
            window=window(options.heavy_window),
            alive=self._alive,
        )
        self.watching = Watching(self._supervisor, make)
        self._scanning = Scanning(
            options.folder,
            self._config_dir,
            self._sink,
            disk,
            accounts=lambda: self._ways.assignment.accounts,
            problems=self.problems,
            live_prices=options.aws_live_prices,
        )
        self._jobs = Jobs(
            options.folder,
            self._sink,
            disk,
            handlers={
                "check": self.watching.check,
                "aws_scan": self._scanning.scan,
                "aws_verify": self._scanning.verify,
                "rotate_key": self._ways.rotation.job,
            },
            problems=self.problems,
        )

    @property
    def commands(self) -> Mapping[str, Handler]:
        """What commands on the same host may ask for."""
        return self._ways.commands

    # --- the whole life ---

    def listen(self) -> None:
        """Take the signals of the service manager."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._asked_to_stop)
        loop.add_signal_handler(signal.SIGINT, self._asked_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)

    async def start(self) -> None:
        self.problems.update("upgrade", rolled_back(Path(sys.prefix)))
        await self._jobs.recover()
        await self._say_catalogue()
        self._ways.rotation.resume()
        tasks: tuple[tuple[str, Start], ...] = (
            ("spool", self._flush_for_ever),
            *self._ways.tasks,
            ("heartbeat", self._heartbeat_for_ever),
            ("aws scans", self._scanning.run),
            ("schedules", self._schedules_for_ever),
            ("reload", self._reload_for_ever),
            ("status", self._status_for_ever),
            ("watchdog", partial(watch, self._alive, every_s=systemd.watchdog_seconds())),
        )
        for name, work in tasks:
            self._supervisor.start(name, work)

    async def until_stopped(self) -> None:
        self._say_inventory()
        self._jobs.offer(self._ways.assignment.jobs)
        systemd.notify("READY=1")
        log.info("agent started", agent=self._link.identity.agent, collector=self._link.identity.url)
        await self._stop.wait()
        systemd.notify("STOPPING=1")
        log.info("agent stops")
        await self._jobs.stop()
        await self._supervisor.stop_all(within_s=STOP_WITHIN_S)
        await self._disk(self._spool.flush)

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            os._exit(_EXIT_AT_ONCE)
        self._stop.set()

    # --- tasks ---

    async def _flush_for_ever(self) -> None:
        """Commit once a second, and at once what is pressing; where there is nothing, see that the disk answers."""
        answered = 0.0
        while True:
            if self._spool.due() or time.monotonic() - answered >= DISK_ANSWERS_EVERY_S:
                await self._disk(self._spool.flush)
                answered = time.monotonic()
                self._alive.beat("spool", within_s=liveness.SPOOL_S)
            if self._spool.news():
                self._ways.durable()
            self.problems.update("spool", self._spool.trouble)
            await wait_for(self._sink.pressing, FLUSH_EVERY_S)

    async def _heartbeat_for_ever(self) -> None:
        while True:
            self.problems.update("way to the collector", self._link.trouble)
            state = await self._spool_state()
            if state is not None:
                self._sink.heartbeat(self._heartbeat(state))
            every = self._ways.assignment.heartbeat_s
            self._alive.beat("heartbeat", within_s=liveness.heartbeat_s(every))
            await wait_for(self._beat, every)

    async def _schedules_for_ever(self) -> None:
        """What is remembered of resources has a file from the first schedule on."""
        path = self._folder / LEDGER_FILE
        while not (self._ways.assignment.schedules or path.exists()):
            await wait_for(self._scheduled, NOTHING_SCHEDULED_S)
        ledger = await self._disk(Ledger, path)
        self._executor = Executor(
            ledger,
            self._sink,
            self._disk,
            assignment=lambda: self._ways.assignment,
            flush=self._spool.flush,
            look=asking.look,
            switch=asking.switch,
            problems=self.problems,
            state_dir=self._folder,
            config_dir=self._config_dir,
        )
        try:
            with self._alive.during("schedules", within_s=liveness.TICK_S) as turned:
                await self._executor.run(turned)
        finally:
            self._executor = None
            await self._disk(ledger.close)

    async def _reload_for_ever(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            systemd.notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
            self._use(await self._disk(read_local, self._folder, self._config_dir))
            await self._say_catalogue()
            await self._read_connections()
            await self._retry_dead()
            systemd.notify("READY=1")

    async def _status_for_ever(self) -> None:
        while True:
            state = await self._spool_state()
            status = self._status(state)
            self._shown.show(status)
            try:
                await self._disk(write_status, self._folder, status)
            except OSError as error:
                log.debug("status not written", reason=str(error))
            await self._disk(self._grown.give_back)
            await asyncio.sleep(STATUS_EVERY_S)

    # --- parts of them ---

    def _use(self, local: Local) -> None:
        """Own checks and reference data count from the next visit on."""
        self._local = local
        self.problems.update("own checks", local.bad_checks)
        self.problems.update("reference data", local.bad_reference)

    async def _read_connections(self) -> None:
        """Apply the connections file; one that cannot be used changes nothing and is reported."""
        try:
            wanted = await self._disk(load_connections, self._folder / CONNECTIONS_FILE)
        except ConfigurationError as error:
            self.problems.report("connections", str(error))
            return
        self.problems.over("connections")
        for key in await self.watching.apply(wanted):
            self._samples.drop(key)
            self._last_runs.pop(key, None)
        self._say_inventory()
        log.info("connections read", count=len(wanted))

    async def _retry_dead(self) -> None:
        """Send the dead letters once more, when `fieldpost-agent spool retry` has asked for it."""
        asked = self._folder / RETRY_FILE
        if not asked.exists():
            return
        try:
            count = await self._disk(self._spool.retry_dead)
            asked.unlink(missing_ok=True)
        except (SpoolUnavailableError, OSError) as error:
            log.warning("dead letters stay where they are", reason=str(error))
            return
        log.info("dead letters are sent once more", count=count)
        self._ways.durable()

    def _say_inventory(self) -> None:
        say_inventory(self._sink, self.watching.connections, self.problems)

    async def _say_catalogue(self) -> None:
        await say_catalogue(
            self._sink,
            catalogue_entries(known(self._local.checks).values()),
            agent=self._link.identity.agent,
            folder=self._folder,
            spool=self._spool,
            disk=self._disk,
        )

    def _assigned(self, assignment: Assignment) -> None:
        self._jobs.offer(assignment.jobs)
        self._scanning.wake.set()
        self._scheduled.set()
        if self._executor is not None:
            self._executor.changed()
        self._beat.set()

    def _emit(self, run: Run) -> None:
        self._last_runs[run.connection] = msgspec.structs.replace(run, outcomes=(), facts={})
        self._sink.run(run)

    async def _spool_state(self) -> SpoolState | None:
        try:
            return await self._disk(self._spool.state)
        except SpoolUnavailableError:
            return None

    def _heartbeat(self, state: SpoolState) -> Heartbeat:
        roles = self._scanning.roles()
        return Heartbeat(
            version=self._version,
            started_at=self._started_at,
            rss_bytes=psutil.Process().memory_info().rss,
            spool=state,
            clock_offset_s=self._link.clock_offset_s,
            assignment=self._ways.kept,
            problems=self.problems.texts(),
            roles=roles,
            key_id=self._link.identity.key.key_id,
            key_made_at=key_made_at(self._folder),
            bundle_every_s=self._ways.bundle_every_s,
            trusts=self._ways.trusts(),
        )

    def _status(self, state: SpoolState | None) -> Status:
        return Status(
            at=utc_now(),
            pid=os.getpid(),
            version=self._version,
            started_at=self._started_at,
            last_ack_at=self._ways.last_ack_at,
            clock_offset_s=self._link.clock_offset_s,
            assignment=self._ways.assignment.version,
            spool=state,
            problems=self.problems.texts(),
            connections=tuple(
                ConnectionStatus(connection.key, connection.name, *_last(self._last_runs.get(connection.key)))
                for connection in self.watching.connections
            ),
            reference=ReferenceStatus(self._local.reference.issued, self._local.reference.origin),
            own_checks=len(self._local.checks),
        )


def _last(run: Run | None) -> tuple[datetime | None, bool | None]:
    return (run.ended_at, run.reachable) if run else (None, None)
