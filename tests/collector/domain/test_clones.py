"""Restarts, reboots and moves are one agent; two machines that go on speaking are told apart, and stay so."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.domain.agents import clones
from collector.domain.agents.clones import MARGIN, Instance, Spoken, Verdict, judge
from common.identity import Origin

T0 = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
BEAT = 60
ALIVE = clones.alive_for(BEAT)
SECOND = timedelta(seconds=1)


@dataclass
class World:
    """What the collector knows, as it is kept between requests."""

    known: dict[str, Instance] = field(default_factory=dict)

    def hear(self, origin: Origin, at: datetime, *, sent_at: datetime | None = None) -> Verdict:
        verdict = judge(list(self.known.values()), Spoken(origin, sent_at or at, at), alive=ALIVE)
        self.known |= {one.instance: one for one in verdict.changed}
        assert sum(one.is_current for one in self.known.values()) <= 1
        return verdict

    def parked(self) -> set[str]:
        return {one.instance for one in self.known.values() if one.parked_at is not None}


def at(seconds: float) -> datetime:
    return T0 + seconds * SECOND


def start(instance: str, host: str = "h1", boot: str = "b1") -> Origin:
    return Origin(instance, host, boot)


def test_a_restart_takes_over_at_once() -> None:
    world = World()
    for second in (0, 50, 100):
        world.hear(start("i1"), at(second))
    assert not world.hear(start("i2"), at(101)).parked
    assert not world.hear(start("i2"), at(151)).parked
    assert world.parked() == set()


def test_what_was_on_its_way_when_the_agent_was_restarted_is_taken_and_changes_nothing() -> None:
    world = World()
    world.hear(start("i1"), at(0))
    world.hear(start("i2"), at(10))
    late = world.hear(start("i1"), at(400), sent_at=at(9))
    assert late == Verdict(parked=False)
    assert not world.hear(start("i2"), at(401)).parked


def test_a_disk_that_moves_to_another_host_is_the_agent_once_the_old_one_is_silent() -> None:
    world = World()
    world.hear(start("i1", "h1"), at(0))
    world.hear(start("i1", "h1"), at(60))
    assert not world.hear(start("i2", "h2"), at(60) + ALIVE + SECOND).parked


def test_a_second_host_is_parked_at_once_while_the_first_one_lives() -> None:
    world = World()
    world.hear(start("i1", "h1"), at(0))
    world.hear(start("i1", "h1"), at(50))
    assert world.hear(start("i2", "h2"), at(60)).parked
    assert world.hear(start("i2", "h2"), at(9000)).parked, "until somebody decides"
    assert not world.hear(start("i1", "h1"), at(9001)).parked


def test_a_clone_with_the_same_machine_id_is_parked_as_soon_as_both_have_spoken() -> None:
    world = World()
    for second in (0, 50, 100):
        world.hear(start("i1"), at(second))
    assert not world.hear(start("i2", boot="b2"), at(110)).parked, "it may be a reboot"
    assert not world.hear(start("i2", boot="b2"), at(140)).parked
    assert not world.hear(start("i1"), at(150)).parked
    assert world.parked() == {"i2"}
    assert world.hear(start("i2", boot="b2"), at(160)).parked


def test_a_machine_that_cannot_be_told_from_others_is_judged_by_what_it_does() -> None:
    world = World()
    world.hear(start("i1", "h1"), at(0))
    world.hear(start("i1", "h1"), at(1))
    assert not world.hear(start("i2", ""), at(2)).parked


def test_an_operator_can_say_that_the_parked_one_is_right() -> None:
    world = World()
    world.hear(start("i1", "h1"), at(0))
    world.hear(start("i1", "h1"), at(1))
    world.hear(start("i2", "h2"), at(2))
    changed = clones.accepted(list(world.known.values()), "i2", at(10))
    world.known |= {one.instance: one for one in changed}
    assert not world.hear(start("i2", "h2"), at(11)).parked
    assert world.hear(start("i1", "h1"), at(12)).parked
    assert clones.accepted(list(world.known.values()), "i2", at(13)) == (), "it is not parked"
    assert clones.accepted(list(world.known.values()), "nobody", at(13)) == ()


def test_that_somebody_was_heard_of_again_is_not_written_every_time() -> None:
    world = World()
    world.hear(start("i1"), at(0))
    world.hear(start("i1"), at(1))
    known = list(world.known.values())

    def due(verdict: Verdict) -> bool:
        return clones.is_due(verdict, known, every=timedelta(seconds=60))

    assert not due(judge(known, Spoken(start("i1"), at(30), at(30)), alive=ALIVE))
    assert due(judge(known, Spoken(start("i1"), at(61), at(61)), alive=ALIVE))
    assert due(judge(known, Spoken(start("i2"), at(30), at(30)), alive=ALIVE))
    assert not due(clones.WELL)


gaps = st.floats(0.5, 120)


@settings(max_examples=150, deadline=None)
@given(
    lives=st.lists(st.tuples(st.lists(gaps, min_size=1, max_size=6), st.booleans()), min_size=1, max_size=6),
    echoes=st.lists(st.tuples(st.integers(0, 40), st.floats(0, 600)), max_size=6),
    skew=st.floats(-25, 25),
)
def test_one_machine_is_never_parked_however_often_it_starts_and_however_late_its_packets_come(
    lives: list[tuple[list[float], bool]], echoes: list[tuple[int, float]], skew: float
) -> None:
    """A life is one start of the agent; some begin with a reboot. Echoes are requests that come once more, later."""
    events: list[tuple[float, float, Origin]] = []
    now = 0.0
    for number, (pauses, rebooted) in enumerate(lives):
        origin = start(f"i{number}", boot=f"b{number if rebooted else 0}")
        for pause in pauses:
            now += pause
            events.append((now, now + skew, origin))
    for index, delay in echoes:
        arrived, sent, origin = events[index % len(events)]
        events.append((arrived + delay, sent, origin))
    world = World()
    for arrived, sent, origin in sorted(events, key=lambda event: event[0]):
        assert not world.hear(origin, at(arrived), sent_at=at(sent)).parked
    assert world.parked() == set()


@settings(max_examples=150, deadline=None)
@given(
    machines=st.integers(2, 4),
    same_host=st.booleans(),
    births=st.lists(st.floats(0, 1000), min_size=4, max_size=4),
    jitter=st.lists(st.floats(0, 20), min_size=8, max_size=8),
)
def test_of_machines_that_go_on_speaking_one_alone_is_believed_before_long(
    *, machines: int, same_host: bool, births: list[float], jitter: list[float]
) -> None:
    events = sorted(
        (births[number] + beat * 50 + jitter[(beat + number) % 8], number)
        for number in range(machines)
        for beat in range(60)
    )
    world = World()
    settled = max(births[:machines]) + 50 * 2 + 20 + 2 * MARGIN.total_seconds() + 3 * 70
    believed: set[int] = set()
    for when, number in events:
        origin = start(f"i{number}", "h1" if same_host else f"h{number}", f"b{number}")
        verdict = world.hear(origin, at(when))
        if when > settled and when < min(births[:machines]) + 59 * 50:
            believed |= set() if verdict.parked else {number}
    assert len(believed) == 1
    assert len(world.parked()) == machines - 1
