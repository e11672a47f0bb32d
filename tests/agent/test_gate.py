"""Whether a version that was just installed stays."""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import gate
from agent.gate import Places, Seen, Upgrade, before, judge

NOW = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
OLD_START = NOW - timedelta(days=3)
UPGRADE = Upgrade(version="0.8.0", before="0.7.0", started_at=OLD_START, reached=True, phase="watching")
UNREACHED = msgspec.structs.replace(UPGRADE, reached=False)
NEW = Seen(at=NOW, version="0.8.0", started_at=NOW - timedelta(minutes=3), last_ack_at=NOW, spool={})


def changed(**fields: object) -> Seen:
    return msgspec.structs.replace(NEW, **fields)


def verdict(upgrade: Upgrade, seen: Seen | None, waited_s: float = 200.0) -> str:
    found = judge(upgrade, seen, now=NOW, waited_s=waited_s)
    return "stays" if found.good else f"{'back' if found.decided else 'wait'}: {found.missing}"


def test_a_version_that_runs_and_got_an_ack_stays() -> None:
    assert verdict(UPGRADE, NEW) == "stays"


@pytest.mark.parametrize(
    ("seen", "missing"),
    [
        (None, "version 0.8.0 has not started"),
        (changed(started_at=OLD_START), "version 0.8.0 has not started"),
        (changed(version="0.7.0"), "version 0.7.0 runs, not 0.8.0"),
        (changed(at=NOW - timedelta(minutes=2)), "version 0.8.0 has said nothing of itself since 02:58:00 UTC"),
        (changed(spool=None), "version 0.8.0 cannot use its spool"),
        (changed(last_ack_at=None), "the collector has acknowledged nothing of version 0.8.0; it did of 0.7.0"),
    ],
)
def test_what_is_missing_is_waited_for_ten_minutes(seen: Seen | None, missing: str) -> None:
    assert verdict(UPGRADE, seen, 599) == f"wait: {missing}"
    assert verdict(UPGRADE, seen, 600) == f"back: {missing}"


def test_nothing_is_rolled_back_because_the_network_is_down() -> None:
    alone = changed(last_ack_at=None)
    assert verdict(UNREACHED, alone) == "stays"
    assert verdict(UNREACHED, msgspec.structs.replace(alone, started_at=NOW - timedelta(seconds=90))).startswith("wait")


def test_an_agent_that_cannot_write_its_spool_goes_back_also_without_a_network() -> None:
    assert verdict(UNREACHED, changed(last_ack_at=None, spool=None), 700).startswith("back")


def test_another_build_of_a_version_is_that_version() -> None:
    assert verdict(msgspec.structs.replace(UPGRADE, version="0.8.0-2"), NEW) == "stays"


def test_a_clock_that_was_set_back_is_no_failure() -> None:
    assert verdict(UPGRADE, changed(started_at=OLD_START - timedelta(days=1))) == "stays"


@pytest.mark.parametrize(("minutes", "reached"), [(1, True), (14, True), (16, False), (None, False)])
def test_whether_the_version_before_reached_the_collector(minutes: int | None, *, reached: bool) -> None:
    acked = None if minutes is None else NOW - timedelta(minutes=minutes)
    found = before(changed(last_ack_at=acked, version="0.7.0"), version="0.8.0", now=NOW)
    assert (found.reached, found.before) == (reached, "0.7.0")


@given(
    waited=st.floats(0, 2000), acked=st.booleans(), reached=st.booleans(), fresh=st.booleans(), version=st.booleans()
)
@settings(max_examples=60)
def test_only_the_new_version_stays_and_every_wait_ends(
    waited: float, *, acked: bool, reached: bool, fresh: bool, version: bool
) -> None:
    seen = Seen(
        at=NOW if fresh else NOW - timedelta(hours=1),
        version="0.8.0" if version else "0.7.0",
        started_at=NOW - timedelta(minutes=5),
        last_ack_at=NOW if acked else None,
        spool={},
    )
    found = judge(UPGRADE if reached else UNREACHED, seen, now=NOW, waited_s=waited)
    assert found.good == (version and fresh and (acked or not reached))
    assert found.decided or waited < 600


# --- on a disk ---


class Machine:
    """A root with two slots; restarting and rolling back leave lines in a file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "opt/fieldpost/agent"
        self.state = root / "var/lib/fieldpost-agent"
        self.log = root / "log"
        for folder in (self.home / "slots/0.7.0", self.home / "slots/0.8.0", self.state, self.scripts):
            folder.mkdir(parents=True)
        self.flip("0.8.0")
        self.script("slot", f'[ "$*" = "rollback agent" ] && ln -sfn slots/0.7.0 {self.home}/current')

    @property
    def scripts(self) -> Path:
        return self.root / "usr/lib/fieldpost-agent"

    @property
    def places(self) -> Places:
        return Places.of({"FIELDPOST_ROOT": str(self.root), "FIELDPOST_RESTART": str(self.scripts / "restart")})

    @property
    def done(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def flip(self, version: str) -> None:
        (self.home / "current").unlink(missing_ok=True)
        (self.home / "current").symlink_to(f"slots/{version}")

    def script(self, name: str, body: str) -> None:
        path = self.scripts / name
        path.write_text(f"#!/bin/sh\necho {name} $* >> {self.log}\n{body}\n")
        path.chmod(0o755)

    def says(self, seen: Seen) -> None:
        (self.state / "status.json").write_bytes(msgspec.json.encode(seen))

    def restarting_says(self, seen: Seen) -> None:
        """After a restart this is what the agent says."""
        text = msgspec.json.encode(seen).decode()
        self.script("restart", f"printf '%s' '{text}' > {self.state}/status.json")


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.says(Seen(at=now(), version="0.7.0", started_at=OLD_START, last_ack_at=now(), spool={}))
    return made


def watch(machine: Machine) -> int:
    return gate.watch(machine.places, look_every_s=0.01, wait_s=0.1)


def test_an_upgrade_that_works_is_forgotten(machine: Machine) -> None:
    machine.restarting_says(Seen(at=now(), version="0.8.0", started_at=now(), last_ack_at=now(), spool={}))
    gate.begin(machine.places)
    assert watch(machine) == 0
    assert machine.done == ["restart"]
    assert machine.places.version == "0.8.0"
    assert machine.places.upgrade is None
    assert watch(machine) == 0


def test_an_upgrade_that_does_not_work_is_rolled_back_and_told_of(machine: Machine) -> None:
    machine.script("restart", "exit 1")
    gate.begin(machine.places)
    assert watch(machine) == 1
    assert machine.done == ["restart", "slot rollback agent", "restart"]
    assert machine.places.version == "0.7.0"
    text = gate.rolled_back(machine.home / "slots/0.7.0")
    assert text.startswith("the upgrade to version 0.8.0 was rolled back on 20")
    assert text.endswith("UTC: version 0.8.0 has not started")
    gate.begin(machine.places)
    assert gate.rolled_back(machine.home / "slots/0.7.0") == ""


def test_a_gate_that_was_killed_while_it_watched_goes_on_without_another_restart(machine: Machine) -> None:
    machine.script("restart", "")
    machine.says(Seen(at=now(), version="0.8.0", started_at=now(), last_ack_at=now(), spool={}))
    machine.places.note(gate.UPGRADE_FILE, UPGRADE)
    assert watch(machine) == 0
    assert machine.done == []


@pytest.mark.parametrize("flipped", [False, True])
def test_a_gate_that_was_killed_while_it_rolled_back_finishes_that(machine: Machine, *, flipped: bool) -> None:
    machine.script("restart", "")
    if flipped:
        machine.flip("0.7.0")
    machine.places.note(gate.UPGRADE_FILE, msgspec.structs.replace(UPGRADE, phase="rolling back", reason="it fell"))
    assert watch(machine) == 1
    assert machine.places.version == "0.7.0"
    assert machine.done[-1] == "restart"
    assert gate.rolled_back(machine.home / "slots/0.7.0").endswith("it fell")


def test_where_there_is_nothing_to_go_back_to_that_is_told(machine: Machine) -> None:
    machine.script("restart", "")
    machine.script("slot", "exit 1")
    gate.begin(machine.places)
    assert watch(machine) == 1
    assert "could not be brought back" in gate.rolled_back(machine.home / "slots/0.8.0")


def test_a_link_in_the_agents_folder_is_not_followed(machine: Machine) -> None:
    secret = machine.root / "secret"
    (machine.state / "status.json").rename(secret)
    (machine.state / "status.json").symlink_to(secret)
    assert machine.places.status is None


def test_a_status_that_cannot_be_read_counts_as_none(machine: Machine) -> None:
    (machine.state / "status.json").write_text('{"at": 1}')
    assert machine.places.status is None
    (machine.state / "status.json").unlink()
    os.mkfifo(machine.state / "status.json")
    assert machine.places.status is None


def test_an_agent_that_runs_from_no_slot_has_nothing_to_tell() -> None:
    assert gate.rolled_back(Path(sys.prefix)) == ""


def test_what_is_kept_can_be_read_by_the_agents_user(machine: Machine) -> None:
    gate.begin(machine.places)
    path = machine.home / gate.UPGRADE_FILE
    assert path.stat().st_mode & 0o777 == 0o644
    assert json.loads(path.read_text())["phase"] == "begun"
