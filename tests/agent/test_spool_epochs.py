"""A spool that wakes up elsewhere: what has a number keeps it, what waits gets one of a new epoch, nothing is lost."""

import json
import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.records import Offer
from agent.spool import Limits, Spool
from agent.spool_epochs import Epochs, place

LIMITS = Limits(min_free=0)


def opened(folder: Path, where: str = "boot-1 host-1", agent: str = "agt_1") -> Spool:
    boot, _, host = where.partition(" ")
    return Spool(folder, LIMITS, place=place(boot=boot, host=host, agent=agent))


def put(spool: Spool, *names: str) -> None:
    for name in names:
        spool.append("run", datetime.now(UTC), {"name": name})
    assert spool.flush()


def names(offer: Offer | None) -> list[str]:
    return [json.loads(line)["body"]["name"] for line in offer.lines] if offer else []


def drained(spool: Spool) -> list[tuple[str, str]]:
    """Everything that goes out, with its epoch."""
    found = []
    while offer := spool.offer():
        found += [
            (offer.epoch, json.loads(line)["kind"] + json.dumps(json.loads(line)["body"])) for line in offer.lines
        ]
        spool.forget(offer, [(offer.seqs[0], offer.seqs[-1])])
    return found


def test_a_restart_in_the_same_place_goes_on_with_its_epoch(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as spool:
        put(spool, "a")
        first = spool.offer()
        assert first
        assert first.fresh
        assert spool.began(first.epoch)
        spool.forget(first, [(1, 1)])
    with closing(opened(tmp_path)) as spool:
        put(spool, "b")
        second = spool.offer()
        assert second
        assert (second.epoch, second.seqs) == (first.epoch, (2,))
        assert not spool.began(second.epoch)


@pytest.mark.parametrize("where", ["boot-2 host-1", "boot-1 host-2"])
def test_elsewhere_numbers_that_were_given_stay_and_others_are_of_a_new_epoch(tmp_path: Path, where: str) -> None:
    with closing(opened(tmp_path)) as spool:
        put(spool, "sent")
        before = spool.offer()
        assert before
        put(spool, "waits")
    with closing(opened(tmp_path, where)) as spool:
        again = spool.offer()
        assert again == before
        assert not again.fresh
        spool.forget(again, [(1, 1)])
        rest = spool.offer()
        assert rest
        assert names(rest) == ["waits"]
        assert rest.epoch != before.epoch
        assert rest.seqs == (1,)
        assert spool.began(rest.epoch)


def test_a_spool_of_an_earlier_release_keeps_its_epoch_the_first_time(tmp_path: Path) -> None:
    with closing(Spool(tmp_path, LIMITS)) as spool:
        put(spool, "a")
        epoch = spool.carry(lambda file: file.epoch)
    with closing(opened(tmp_path)) as spool:
        assert spool.carry(lambda file: file.epoch) == epoch
    with closing(opened(tmp_path, "boot-9 host-1")) as spool:
        assert spool.carry(lambda file: file.epoch) != epoch


def test_as_another_agent_everything_goes_out_from_the_first_number_on(tmp_path: Path) -> None:
    """A clone that was enrolled as an agent of its own: nobody is to miss what the other one had sent."""
    with closing(opened(tmp_path)) as spool:
        put(spool, "a")
        first = spool.offer()
        assert first
        spool.forget(first, [(1, 1)])
        put(spool, "b")
        assert spool.offer()
        put(spool, "c")
    with closing(opened(tmp_path, agent="agt_2")) as spool:
        found = spool.offer()
        assert found
        assert (names(found), found.seqs) == (["b", "c"], (1, 2))
        assert found.epoch != first.epoch


def test_a_gap_goes_out_under_the_epoch_whose_numbers_it_is_about(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as spool:
        spool.carry(lambda file: file.note_loss(5, "spool_full"))
        old = spool.carry(lambda file: file.epoch)
        put(spool, "waits")
    with closing(opened(tmp_path, "boot-2 host-1")) as spool:
        found = drained(spool)
    assert [epoch for epoch, text in found if text.startswith("gap")] == [old]
    assert [epoch for epoch, text in found if text.startswith("run")] != [old]


def test_a_crash_before_the_commit_leaves_the_old_epoch_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledError(BaseException):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    with closing(opened(tmp_path)) as spool:
        put(spool, "a", "b")
        epoch = spool.carry(lambda file: file.epoch)
    with monkeypatch.context() as patched:
        patched.setattr(Epochs, "_set", killed)
        with pytest.raises(KilledError):
            opened(tmp_path, "boot-2 host-1")
    with closing(opened(tmp_path)) as spool:
        assert spool.carry(lambda file: file.epoch) == epoch
        assert names(spool.offer()) == ["a", "b"]


def test_records_whose_numbers_were_used_go_out_again_under_others(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as spool:
        put(spool, "a", "b")
        first = spool.offer()
        assert first
        spool.renumber(first)
        put(spool, "c")
        second = spool.offer()
        assert second
        assert names(second) == ["a", "b", "c"]
        assert second.fresh
        assert (second.seqs, second.epoch != first.epoch) == ((1, 2, 3), True)


class Machines:
    """One spool and up to two copies of it, each on a machine of its own; what they send is held against all others."""

    def __init__(self, folder: Path) -> None:
        self.folders = [folder]
        self.places = ["boot-0 host"]
        self.spools = [opened(folder, self.places[0])]
        self.wanted: set[str] = set()
        self.seen: dict[tuple[str, str, int], str] = {}
        self._boots = 0

    def put(self, at: int) -> None:
        name = f"r{len(self.wanted)}"
        put(self.spools[at], name)
        self.wanted.add(name)

    def offer(self, at: int) -> None:
        self.spools[at].offer()

    def answer(self, at: int) -> bool:
        offer = self.spools[at].offer()
        if offer is None:
            return False
        for seq, name in zip(offer.seqs, names(offer), strict=True):
            assert self.seen.setdefault((offer.epoch, offer.stream, seq), name) == name, "one number, two records"
        self.spools[at].forget(offer, [(offer.seqs[0], offer.seqs[-1])])
        return True

    def used(self, at: int) -> None:
        offer = self.spools[at].offer()
        if offer is not None:
            self.spools[at].renumber(offer)

    def restart(self, at: int) -> None:
        self.spools[at].close()
        self.spools[at] = opened(self.folders[at], self.places[at])

    def reboot(self, at: int) -> None:
        self._boots += 1
        self.places[at] = f"boot-{self._boots} host"
        self.restart(at)

    def clone(self, at: int) -> None:
        if len(self.spools) == 3:
            return
        self.spools[at].close()
        folder = self.folders[0] / f"clone{len(self.spools)}"
        folder.mkdir()
        for file in self.folders[at].glob("spool.db*"):
            shutil.copy2(file, folder / file.name)
        self.restart(at)
        self._boots += 1
        self.folders.append(folder)
        self.places.append(f"boot-{self._boots} host")
        self.spools.append(opened(folder, self.places[-1]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["put", "offer", "answer", "clone", "reboot", "restart", "used"]), max_size=25))
def test_whatever_happens_to_clones_every_record_goes_out_and_no_number_means_two(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    machines = Machines(tmp_path_factory.mktemp("spool"))
    for number, step in enumerate(steps):
        getattr(machines, step)(number % len(machines.spools))
    for at, spool in enumerate(machines.spools):
        while machines.answer(at):
            pass
        spool.close()
    assert set(machines.seen.values()) == machines.wanted
