"""The ways between this agent and its collector: over the network, or by what somebody carries."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime

from agent import standing
from agent.assignment import Assignments
from agent.authorities import Authorities
from agent.bundles import Speaker
from agent.carrier import Carrier, no_commands
from agent.control import Handler
from agent.disk import DiskThread
from agent.enrolment import mark_active, pin_collector_key
from agent.identity import load_enrolment
from agent.link import Link
from agent.options import Options
from agent.problems import Problems
from agent.rotation import Rotation
from agent.spool import Spool
from agent.supervisor import Start
from agent.uplink import Uplink
from common.wire import Ack, Assignment


class Ways:
    """Owns what sends records up and takes assignments down; `on_assigned` gets every new assignment."""

    def __init__(
        self,
        options: Options,
        link: Link,
        spool: Spool,
        disk: DiskThread,
        *,
        problems: Problems,
        on_assigned: Callable[[Assignment], None],
    ) -> None:
        self._folder = options.folder
        self._link = link
        self._on_assigned = on_assigned
        self._active = False
        self._every_s = options.bundle_every_s
        self.rotation = Rotation(
            options.folder, link, disk, problems=problems, max_age=options.key_max_age, carried=options.carried
        )
        self._assignments = Assignments(
            link, options.folder, disk, problems=problems, on_change=self._assigned, on_reached=self._reached
        )
        self._authorities = Authorities(link, options.folder, problems=problems)
        self._uplink = Uplink(link, spool, disk, problems=problems, on_ack=self._acknowledged)
        self._carrier = self._carried_by(spool, disk, problems) if options.carried else None
        standing.follow(link, options.folder, problems)

    @property
    def assignment(self) -> Assignment:
        """What the collector wants, as far as is known here."""
        return self._assignments.current

    @property
    def kept(self) -> str:
        """The version of the assignment that a restart would begin with."""
        return self._assignments.kept

    @property
    def last_ack_at(self) -> datetime | None:
        return self._carrier.receipt_at if self._carrier else self._uplink.last_ack_at

    @property
    def bundle_every_s(self) -> int:
        """0 where records go over the network."""
        return self._every_s if self._carrier else 0

    @property
    def commands(self) -> Mapping[str, Handler]:
        """What commands on the same host may ask for."""
        return {**(self._carrier.handlers if self._carrier else no_commands()), **self.rotation.handlers}

    @property
    def tasks(self) -> tuple[tuple[str, Start], ...]:
        """What has to run, by name."""
        if self._carrier is not None:
            return (("bundles", self._carrier.run),)
        return (
            ("uplink", self._uplink.run),
            ("assignment", self._assignments.run),
            ("key", self.rotation.run),
            ("authorities", self._authorities.run),
        )

    def durable(self) -> None:
        """Something new can be sent."""
        self._uplink.wake.set()

    def trusts(self) -> tuple[str, ...]:
        return self._authorities.trusts()

    def _reached(self) -> None:
        self._uplink.reachable()

    def _assigned(self, assignment: Assignment) -> None:
        with suppress(OSError):  # the next document says it again
            pin_collector_key(self._folder, assignment.collector_key)
        self._on_assigned(assignment)

    def _carried_by(self, spool: Spool, disk: DiskThread, problems: Problems) -> Carrier:
        return Carrier(
            spool, disk, state_dir=self._folder, speaker=self._speaker, apply=self._carried, problems=problems
        )

    def _speaker(self) -> Speaker:
        identity = self._link.identity
        return Speaker(
            agent=identity.agent,
            key=identity.key,
            origin=identity.origin,
            every_s=self._every_s,
            assignment=self._assignments.kept,
        )

    async def _carried(self, assignment: Assignment) -> str:
        self._known_there()
        return await self._assignments.carried(assignment)

    def _acknowledged(self, _ack: Ack) -> None:
        self._known_there()

    def _known_there(self) -> None:
        if self._active:
            return
        self._active = True
        enrolment = load_enrolment(self._folder)
        if enrolment is not None:
            with suppress(OSError):  # only what `status` prints depends on it
                mark_active(self._folder, enrolment)
